/** Other hours on a date, and time off or closures: what is there, and what is added. */
import { useQueryClient } from "@tanstack/react-query";
import { type RefObject, Suspense, lazy, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { ask } from "../api/client";
import type { components } from "../api/schema/availability";
import { useBusiness } from "../business";
import { type Clock, type Day, addDays, instantOf, isDay, isoOf, startOfDay } from "../time";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Conflicts } from "./Conflicts";
import { daysOff, outsideOn, useStanding, within } from "./standing";
import { type Days, intervalsOf, isRead, readHours, sayHours } from "./hours";
import type { Wish } from "./MonthView";

/* Of a file of its own: most come for the week. */
const MonthView = lazy(() => import("./MonthView"));

type Schedule = components["schemas"]["ScheduleOut"];
type Props = {
  path: string;
  schedule: Schedule;
  /** Null: of the business itself. */
  resourceId: string | null;
  /** What everybody in the business follows; null where it is that itself, or not known yet. */
  business: Schedule | null;
  /** The hours of a week, where nothing else is said. */
  usual: Days;
  clock: Clock;
  mayWrite: boolean;
};

const NONE: readonly Appointment[] = [];

export function Exceptions(props: Props) {
  const { path, schedule, business, resourceId, clock, mayWrite } = props;
  const [error, setError] = useState<unknown>(null);
  const [wish, setWish] = useState<Wish | null>(null);
  useEffect(() => {
    setError(null);
    setWish(null);
  }, [path]);
  return (
    <>
      {(resourceId === null || business) && (
        <Suspense fallback={null}>
          <MonthView key={`month ${path}`} schedule={schedule} business={business} clock={clock} mayWrite={mayWrite} onWish={setWish} />
        </Suspense>
      )}
      <Problem error={error} />
      <DateOverrides key={`dates ${path}`} {...props} wish={wish} onError={setError} />
      <Absences key={`away ${path}`} {...props} wish={wish} onError={setError} />
    </>
  );
}

type PartProps = Props & { wish: Wish | null; onError: (error: unknown) => void };

/** Does one change after the other, and hands the focus on: the button that was pressed is shut or gone then. */
function useChanges(onError: (error: unknown) => void) {
  const queries = useQueryClient();
  const section = useRef<HTMLElement>(null);
  const run = async (work: Promise<unknown>, done?: () => void) => {
    onError(null);
    try {
      await work;
      await queries.invalidateQueries({ queryKey: ["schedule"] });
      section.current?.querySelector("input")?.focus();
      void queries.invalidateQueries({ queryKey: ["calendar"] });
      done?.();
    } catch (failure) {
      onError(failure);
    }
  };
  return { section, run };
}

/** Takes up a date that was chosen in the month, and leads on to the field that is left to fill in. */
function useWish(wish: Wish | null, what: Wish["what"], section: RefObject<HTMLElement | null>, field: number, take: (day: Day) => void) {
  useEffect(() => {
    if (wish?.what !== what) return;
    take(wish.day);
    section.current?.querySelectorAll("input")[field]?.focus();
    // A wish is taken up once, whatever is typed since.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wish]);
}

function DateOverrides({ path, schedule, resourceId, usual, clock, mayWrite, wish, onError }: PartProps) {
  const { t } = useTranslation();
  const { business } = useBusiness();
  const { section, run } = useChanges(onError);
  const [on, setOn] = useState("");
  const [hours, setHours] = useState("");
  const [left, setLeft] = useState(NONE);
  useWish(wish, "hours", section, 1, setOn);
  const read = readHours(hours);
  const standing = useStanding(business?.id, resourceId, isDay(on) ? daysOff(on, on, clock) : null, clock);
  const outside = standing.data && isDay(on) && isRead(read) ? outsideOn(standing.data, on, read, usual, clock) : NONE;
  const add = () =>
    run(ask("availability", `${path}/date-overrides`, { method: "POST", body: { on, intervals: isRead(read) ? intervalsOf(read) : [] } }), () => {
      setLeft(outside);
      setOn("");
      setHours("");
    });
  return (
    <section className="panel" ref={section}>
      <h2>{t("availability.overrides")}</h2>
      {schedule.date_overrides.map((item) => (
        <div className="ln" key={item.id}>
          <div>{clock.fullDay(startOfDay(item.on, clock.zone))}</div>
          <span>
            <bdi dir="ltr">{sayHours(item.intervals) || t("availability.closed")}</bdi>
          </span>
          {mayWrite && <Button kind="quiet" icon="x" aria-label={t("remove")} onPress={() => run(ask("availability", `${path}/date-overrides/${item.id}`, { method: "DELETE" }), () => setLeft(NONE))} />}
        </div>
      ))}
      {mayWrite && (
        <div className="three">
          <TextField label={t("field.date")} type="date" value={on} onChange={setOn} />
          <TextField label={t("availability.hours")} value={hours} onChange={setHours} placeholder="9-12, 13-17" error={isRead(read) ? null : t(`availability.${read}`)} hint={t("availability.hoursHint")} />
          <Button isDisabled={!on || !isRead(read)} onPress={add}>
            {t("add")}
          </Button>
        </div>
      )}
      <Conflicts appointments={on ? outside : left} saved={!on} error={on ? standing.error : null} />
    </section>
  );
}

function Absences({ path, schedule, resourceId, clock, mayWrite, wish, onError }: PartProps) {
  const { t } = useTranslation();
  const { business } = useBusiness();
  const { section, run } = useChanges(onError);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [reason, setReason] = useState("");
  const [left, setLeft] = useState(NONE);
  useWish(wish, "away", section, 2, (day) => {
    setFrom(day);
    setTo(day);
  });
  const absences = resourceId === null ? "closures" : "time-off";
  const span = isDay(from) && isDay(to) ? daysOff(from, to, clock) : null;
  const standing = useStanding(business?.id, resourceId, span, clock);
  const met = standing.data && span ? within(standing.data, span) : NONE;
  const add = () =>
    run(ask("availability", `${path}/${absences}`, { method: "POST", body: { starts_at: isoOf(startOfDay(from, clock.zone)), ends_at: isoOf(startOfDay(addDays(to, 1), clock.zone)), reason: reason.trim() || null } }), () => {
      setLeft(met);
      setFrom("");
      setTo("");
      setReason("");
    });
  return (
    <section className="panel" ref={section}>
      <h2>{t(resourceId === null ? "availability.closures" : "availability.timeOff")}</h2>
      {schedule.absences.map((item) => (
        <div className="ln" key={item.id}>
          <div>
            <bdi>
              {clock.dayAndTime(instantOf(item.starts_at))} – {clock.dayAndTime(instantOf(item.ends_at))}
            </bdi>
            {item.reason && (
              <small>
                <bdi>{item.reason}</bdi>
              </small>
            )}
          </div>
          {mayWrite && <Button kind="quiet" icon="x" aria-label={t("remove")} onPress={() => run(ask("availability", `${path}/${absences}/${item.id}`, { method: "DELETE" }), () => setLeft(NONE))} />}
        </div>
      ))}
      {schedule.holidays.map((item) => (
        <div className="ln" key={item.on}>
          <div>{clock.fullDay(startOfDay(item.on, clock.zone))}</div>
          <span>
            <bdi>{item.name}</bdi>
          </span>
        </div>
      ))}
      {mayWrite && (
        <div className="three">
          <TextField label={t("availability.from")} type="date" value={from} onChange={setFrom} />
          <TextField label={t("availability.until")} type="date" value={to} onChange={setTo} />
          <TextField label={t("reason")} value={reason} onChange={setReason} maxLength={200} />
          <Button isDisabled={span === null} onPress={add}>
            {t("add")}
          </Button>
        </div>
      )}
      <Conflicts appointments={span ? met : left} saved={!span} error={span ? standing.error : null} />
    </section>
  );
}

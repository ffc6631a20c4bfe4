/** Free times of a service: a week of days with how many, then the times of a day; any other time can be typed. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Doubt, doubtsAbout } from "../api/bookability";
import { useResources } from "../api/catalogue";
import { ask } from "../api/client";
import type { components } from "../api/schema/availability";
import { useBusiness } from "../business";
import { type Day, type Instant, addDays, atClock, dayOf, instantOf, isoOf, now, parseTypedTime, startOfDay } from "../time";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { NamedBy, Problem, sayReason } from "../ui/Problem";
import { type FreeStaff, useFreeStaff } from "./freeStaff";
import "./slots.css";

type Slots = components["schemas"]["SlotsOut"];
type Slot = components["schemas"]["SlotOut"];
type First = components["schemas"]["FirstSlotOut"];

type Props = {
  serviceId: string | null;
  businessId: string;
  minutes: number | null;
  staff: string | null;
  ignore?: readonly string[];
  /** What the answer must know of: the version of a booking just made. */
  notBefore?: readonly string[];
  value: Instant | null;
  day: Day;
  onDay: (day: Day) => void;
  onChange: (start: Instant) => void;
};

const DAYS = 7;

export function SlotPicker({ serviceId, businessId, minutes, staff, ignore, notBefore, value, day, onDay, onChange }: Props) {
  const { t, i18n } = useTranslation();
  const { clock } = useBusiness();
  const [first, setFirst] = useState(day);
  useEffect(() => {
    if (day < first || day >= addDays(first, DAYS)) setFirst(day);
  }, [day, first]);
  const query = {
    ...(serviceId ? { service_id: serviceId } : { business_id: businessId }),
    duration_minutes: minutes ?? undefined,
    resource_id: staff ? [staff] : undefined,
    ignore,
    not_before: notBefore,
  };
  const enabled = serviceId !== null || minutes !== null;
  const slots = useQuery({
    queryKey: ["slots", query, first],
    enabled,
    queryFn: ({ signal }) => ask<Slots>("availability", "/slots", { query: { ...query, from: first, to: addDays(first, DAYS), detail: "starts" }, signal }),
    placeholderData: (previous) => previous,
  });
  const earliest = useQuery({
    queryKey: ["slots", "first", query],
    enabled,
    queryFn: ({ signal }) => ask<First>("availability", "/slots/first", { query, signal }),
    // The button stays while it is asked anew: whoever has just pressed it keeps the focus.
    placeholderData: (previous) => previous,
  });
  const byDay = useMemo(() => new Map((slots.data?.days ?? []).map((item) => [item.date, item.slots])), [slots.data]);
  const days = Array.from({ length: DAYS }, (_, index) => addDays(first, index));
  const today = dayOf(now(), clock.zone);
  const free = byDay.get(day) ?? [];
  const firstFree = earliest.data?.slot;
  const people = (useResources().data ?? []).filter((resource) => resource.kind === "staff" && !resource.archived && resource.business_ids.includes(businessId));
  const whose = useFreeStaff(query, day, people, enabled && staff === null);
  const chosen = value === null ? undefined : free.find((slot) => instantOf(slot.starts_at) === value);
  const freeThen = chosen && whose?.get(chosen.starts_at)?.names;
  const number = new Intl.NumberFormat(i18n.language);
  const list = new Intl.ListFormat(i18n.language);

  if (!enabled) return <p className="hint">{t("slots.chooseService")}</p>;
  return (
    <div className="slots">
      {firstFree && (
        <Button
          className="first"
          onPress={() => {
            onDay(dayOf(instantOf(firstFree.starts_at), clock.zone));
            onChange(instantOf(firstFree.starts_at));
          }}
        >
          {t("slots.first", { time: clock.dayAndTime(instantOf(firstFree.starts_at)) })}
        </Button>
      )}
      <div className="weekstrip">
        <Button kind="quiet" icon="prev" mirrored aria-label={t("slots.earlier")} isDisabled={first <= today} onPress={() => onDay(addDays(first, -1) < today ? today : addDays(first, -DAYS))} />
        {days.map((date) => {
          const count = byDay.get(date)?.length;
          const noon = startOfDay(date, clock.zone);
          return (
            <button type="button" key={date} aria-pressed={date === day} disabled={date < today} onClick={() => onDay(date)} aria-label={`${clock.longDay(noon)}, ${t("slots.count", { count: count ?? 0 })}`}>
              <small>{clock.weekday(noon)}</small>
              <b>{clock.dayNumber(noon)}</b>
              <small>{count === undefined ? "–" : number.format(count)}</small>
            </button>
          );
        })}
        <Button kind="quiet" icon="next" mirrored aria-label={t("slots.later")} onPress={() => onDay(addDays(first, DAYS))} />
      </div>
      <Problem error={slots.error} />
      <Times slots={free} value={value} onChange={onChange} whose={whose} />
      {freeThen?.length ? (
        <p className="hint" role="status">
          {t("slots.freeStaff", { names: list.format(freeThen.map((name) => `\u2068${name}\u2069`)) })}
        </p>
      ) : null}
      {!free.length && slots.isSuccess && <p className="hint">{t("slots.none")}</p>}
      <Typed day={day} serviceId={serviceId} businessId={businessId} minutes={minutes} staff={staff} ignore={ignore} onChange={onChange} />
    </div>
  );
}

type TimesProps = { slots: readonly Slot[]; value: Instant | null; onChange: (start: Instant) => void; whose: ReadonlyMap<string, FreeStaff> | undefined };

function Times({ slots, value, onChange, whose }: TimesProps) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const parts = [
    ["morning", (hour: number) => hour < 12],
    ["afternoon", (hour: number) => hour >= 12 && hour < 17],
    ["evening", (hour: number) => hour >= 17],
  ] as const;
  const twice = new Set(slots.map((slot) => slot.local_time).filter((time, index, all) => all.indexOf(time) !== index));
  return parts.map(([name, within]) => {
    const own = slots.filter((slot) => within(Number(slot.local_time.slice(-8, -6) || slot.local_time.slice(0, 2))));
    if (!own.length) return null;
    return (
      <fieldset key={name} className="times">
        <legend>{t(`slots.${name}`)}</legend>
        {own.map((slot) => {
          const start = instantOf(slot.starts_at);
          const staff = whose?.get(slot.starts_at);
          const id = `free-${slot.starts_at}`;
          return (
            <button type="button" key={slot.starts_at} aria-pressed={value === start} aria-describedby={staff ? id : undefined} onClick={() => onChange(start)}>
              {clock.time(start)}
              {twice.has(slot.local_time) && <small> {clock.offset(start)}</small>}
              {slot.seats > 1 && <small> {t("slots.seats", { count: slot.free })}</small>}
              {staff && (
                <small className="whose" aria-hidden="true">
                  <bdi>{staff.short ?? t("slots.everyone")}</bdi>
                </small>
              )}
              {staff && (
                <span id={id} hidden>
                  {staff.names.join(", ")}
                </span>
              )}
            </button>
          );
        })}
      </fieldset>
    );
  });
}

type TypedProps = { day: Day; serviceId: string | null; businessId: string; minutes: number | null; staff: string | null; ignore?: readonly string[]; onChange: (start: Instant) => void };

/** Another time, typed; why it is not offered is told, and whoever may override goes on. */
function Typed({ day, serviceId, businessId, minutes, staff, ignore, onChange }: TypedProps) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const [text, setText] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [twice, setTwice] = useState<readonly Instant[]>([]);
  const [reasons, setReasons] = useState<readonly Doubt[]>([]);
  // What was understood last: leaving the field must not choose the typed time again, over one that was pressed since.
  const understood = useRef("");

  const take = async (start: Instant) => {
    setTwice([]);
    onChange(start);
    const doubts = await doubtsAbout({
      ...(serviceId ? { service_id: serviceId } : { business_id: businessId }),
      starts_at: isoOf(start),
      duration_minutes: minutes,
      resource_ids: staff ? [staff] : [],
      ignore_appointment_ids: [...(ignore ?? [])],
    });
    setReasons(doubts);
  };
  const understand = () => {
    if (text === understood.current) return;
    understood.current = text;
    setReasons([]);
    setTwice([]);
    if (!text.trim()) return setError(null);
    const typed = parseTypedTime(text);
    if (typed === null) return setError(t("slots.notATime", { text }));
    const found = atClock(day, typed, clock.zone);
    if (found.kind === "skipped") return setError(t("slots.skipped", { next: clock.time(found.next) }));
    setError(null);
    if (found.kind === "twice") return setTwice(found.instants);
    return void take(found.instant);
  };
  return (
    <form
      className="typed"
      onSubmit={(event) => {
        event.preventDefault();
        understand();
      }}
    >
      <TextField label={t("slots.other")} value={text} onChange={setText} error={error} hint={t("slots.otherHint")} onBlur={understand} />
      {twice.length > 0 && (
        <div className="chips" role="group" aria-label={t("slots.twice")}>
          <span>{t("slots.twice")}</span>
          {twice.map((instant) => (
            <button type="button" className="chip" key={instant} onClick={() => void take(instant)}>
              {clock.time(instant)} {clock.offset(instant)}
            </button>
          ))}
        </div>
      )}
      {reasons.length > 0 && (
        <div className="problem" role="status">
          <div>
            <p>{t("slots.notOffered")}</p>
            <ul>
              {[...new Set(reasons.map((reason) => sayReason(t, reason)))].map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
            <NamedBy reasons={reasons} />
          </div>
        </div>
      )}
    </form>
  );
}

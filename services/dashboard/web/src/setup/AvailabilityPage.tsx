/** Weekly hours, other hours on a date, and time off of one resource or of the business itself. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, endOf, startOf, useWindow } from "../api/appointments";
import { useResources } from "../api/catalogue";
import { ask } from "../api/client";
import type { components } from "../api/schema/availability";
import { useRight, useSession } from "../api/session";
import { useBusiness } from "../business";
import { type Clock, addDays, dayOf, instantOf, isoOf, now, startOfDay, startOfWeek, weekdayOf, weekdaysFrom, inZone } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { FirstBusiness } from "./Businesses";
import { type Days, intervalsOf, isOpen, isRead, openOn, readHours, readWeek, sayHours, saySpans } from "./hours";
import { WeekGrid } from "./WeekGrid";

type Schemas = components["schemas"];
type Week = Schemas["WeekdayIn"][];
const BUSINESS = "business";
const AHEAD_DAYS = 60;
const SAVE = "save-hours";

export function AvailabilityPage() {
  const { t } = useTranslation();
  const { resource: wished } = useParams({ strict: false }) as { resource?: string };
  const navigate = useNavigate();
  const session = useSession();
  const { business, clock, loading } = useBusiness();
  const resources = (useResources().data ?? []).filter((resource) => resource.kind !== "business" && !resource.archived && business && resource.business_ids.includes(business.id));
  const chosen = wished ?? session.user.resource_id ?? resources[0]?.id ?? BUSINESS;
  const ofBusiness = `/businesses/${business?.id}`;
  const path = chosen === BUSINESS ? ofBusiness : `/resources/${chosen}`;
  const schedule = useQuery({ queryKey: ["schedule", path], enabled: business !== undefined, queryFn: () => ask<Schemas["ScheduleOut"]>("availability", `${path}/schedule`) });
  const opening = useQuery({ queryKey: ["schedule", ofBusiness], enabled: business !== undefined, queryFn: () => ask<Schemas["ScheduleOut"]>("availability", `${ofBusiness}/schedule`) }).data?.weekly ?? null;
  const mayWriteAll = useRight("write_schedules");
  const mayWriteOwn = useRight("write_own_schedule");
  const mayWrite = mayWriteAll || (mayWriteOwn && chosen === session.user.resource_id);
  if (!loading && !business) return <FirstBusiness />;
  return (
    <Page
      title={t("nav.availability")}
      actions={<><span className="fill" /><Select hiddenLabel label={t("availability.whose")} value={chosen} onChange={(id) => void navigate({ to: "/availability/$resource", params: { resource: id } })} options={[...resources.map((item) => ({ id: item.id, name: item.name })), { id: BUSINESS, name: business?.name ?? "" }]} /></>}
    >
      <div className="scroll pad">
        {!schedule.data ? <Waiting error={schedule.error} /> : (
          <>
            <p className="soft">{t("availability.zone", { zone: schedule.data.zone })}</p>
            <WeekEditor key={path} path={path} schedule={schedule.data} opening={chosen === BUSINESS ? null : opening} resourceId={chosen === BUSINESS ? null : chosen} clock={clock} mayWrite={mayWrite} />
            <Exceptions path={path} schedule={schedule.data} isBusiness={chosen === BUSINESS} clock={clock} mayWrite={mayWrite} />
          </>
        )}
      </div>
    </Page>
  );
}

const textsOf = (schedule: Schemas["ScheduleOut"]): string[] => [0, 1, 2, 3, 4, 5, 6].map((day) => sayHours(schedule.weekly?.find((item) => item.weekday === day)?.intervals ?? []));

function WeekEditor({ path, schedule, opening, resourceId, clock, mayWrite }: { path: string; schedule: Schemas["ScheduleOut"]; opening: Schemas["WeekdayOut"][] | null; resourceId: string | null; clock: Clock; mayWrite: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { business } = useBusiness();
  /** What the changes were begun on: somebody else may save other hours meanwhile. */
  const [begun, setBegun] = useState(schedule);
  const [follows, setFollows] = useState(schedule.weekly === null);
  const [texts, setTexts] = useState(() => textsOf(schedule));
  const [error, setError] = useState<unknown>(null);
  const beginWith = (saved: Schemas["ScheduleOut"]) => {
    setBegun(saved);
    setFollows(saved.weekly === null);
    setTexts(textsOf(saved));
    setError(null);
  };
  const isNewer = schedule.version > begun.version;
  if (isNewer && follows === (begun.weekly === null) && texts.join("\n") === textsOf(begun).join("\n")) beginWith(schedule);
  const monday = startOfWeek(dayOf(now(), clock.zone));
  // What is typed is the one state: the grid draws what is read from it, and writes into it.
  const days = useMemo(() => readWeek(texts), [texts]);
  const wrong = !days.every(isRead);
  const weekly: Week = days.flatMap((hours, weekday) => (isRead(hours) && hours.length ? [{ weekday, intervals: intervalsOf(hours) }] : []));
  const draw = (drawn: Days) => setTexts((all) => all.map((text, day) => { const hours = drawn[day]; return hours === days[day] || !isRead(hours) ? text : saySpans(hours); }));
  const open = useMemo(() => opening && openOn(opening), [opening]);
  const today = startOfDay(dayOf(now(), clock.zone), clock.zone);
  const ahead = useWindow(business?.id, today, startOfDay(addDays(dayOf(now(), clock.zone), AHEAD_DAYS), clock.zone));
  const outside = follows || wrong ? [] : (ahead.data ?? []).filter((appointment) => appointment.occupies && (resourceId === null || appointment.resources.some((resource) => resource.id === resourceId)) && !fits(appointment, days, clock));
  const save = async () => {
    try {
      beginWith(await ask<Schemas["ScheduleOut"]>("availability", `${path}/schedule`, { method: "PUT", version: begun.version || undefined, body: { weekly: follows ? null : weekly } }));
      await queries.invalidateQueries({ queryKey: ["schedule"] });
      void queries.invalidateQueries({ queryKey: ["calendar"] });
      toast(t("saved"));
    } catch (failure) {
      setError(failure);
      // Where somebody else has saved meanwhile, theirs are to be had.
      void queries.invalidateQueries({ queryKey: ["schedule"] });
    }
  };
  return (
    <section className="panel">
      <h2>{t("availability.weekly")}</h2>
      <Problem error={error} />
      {isNewer && <div className="problem" role="status"><p>{t("availability.savedMeanwhile")}</p><Button kind="quiet" onPress={() => beginWith(schedule)}>{t("availability.showTheirs")}</Button></div>}
      {resourceId !== null && <Checkbox value={follows} onChange={setFollows} isDisabled={!mayWrite}>{t("availability.follows")}</Checkbox>}
      {!follows && (
        <div className="week-editor">
          <div className="stack">
            {weekdaysFrom(clock.firstWeekday).map((index) => {
              const hours = days[index];
              return <TextField key={index} label={clock.weekdayName(startOfDay(addDays(monday, index), clock.zone))} value={texts[index] ?? ""} onChange={(value) => setTexts((all) => all.map((other, at) => (at === index ? value : other)))} placeholder={t("availability.closed")} error={isRead(hours) ? null : t(`availability.${hours}`)} isDisabled={!mayWrite} dir="ltr" />;
            })}
            {mayWrite && <Button kind="quiet" onPress={() => setTexts((all) => all.map((text, index) => (index > 0 && index < 5 ? (all[0] ?? "") : text)))}>{t("availability.copy")}</Button>}
          </div>
          <WeekGrid days={days} monday={monday} open={open} clock={clock} mayWrite={mayWrite} onChange={draw} />
        </div>
      )}
      {outside.length > 0 && (
        <div className="problem" role="status">
          <div>
            <p>{t("availability.outside", { count: outside.length })}</p>
            <ul>{outside.slice(0, 10).map((appointment) => <li key={appointment.id}><bdi>{appointment.client.name}</bdi>, {clock.dayAndTime(startOf(appointment))}</li>)}</ul>
          </div>
        </div>
      )}
      {mayWrite && <Button id={SAVE} kind="primary" isDisabled={wrong && !follows} onPress={() => save()}>{t("save")}</Button>}
    </section>
  );
}

/** Whether an appointment lies within the weekly hours, by the clock of its zone. */
export function fits(appointment: Pick<Appointment, "starts_at" | "ends_at">, weekly: Days, clock: Clock): boolean {
  const start = startOf(appointment as Appointment);
  const end = endOf(appointment as Appointment);
  const local = inZone(start, clock.zone);
  const from = local.hour * 60 + local.minute;
  return isOpen(weekly, weekdayOf(dayOf(start, clock.zone)), { from, to: from + (end - start) / 60_000 });
}

function Exceptions({ path, schedule, isBusiness, clock, mayWrite }: { path: string; schedule: Schemas["ScheduleOut"]; isBusiness: boolean; clock: Clock; mayWrite: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [on, setOn] = useState("");
  const [hours, setHours] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [reason, setReason] = useState("");
  const [error, setError] = useState<unknown>(null);
  const absences = isBusiness ? "closures" : "time-off";
  useEffect(() => setError(null), [path]);
  const onDates = useRef<HTMLElement>(null);
  const away = useRef<HTMLElement>(null);
  const run = async (work: Promise<unknown>, section: RefObject<HTMLElement | null>, added?: () => void) => {
    setError(null);
    try {
      await work;
      await queries.invalidateQueries({ queryKey: ["schedule"] });
      // The button that was pressed is shut or gone now: the next one is entered.
      section.current?.querySelector("input")?.focus();
      void queries.invalidateQueries({ queryKey: ["calendar"] });
      added?.();
    } catch (failure) {
      setError(failure);
    }
  };
  const read = readHours(hours);
  const clearDate = () => {
    setOn("");
    setHours("");
  };
  const clearAbsence = () => {
    setFrom("");
    setTo("");
    setReason("");
  };
  return (
    <>
      <Problem error={error} />
      <section className="panel" ref={onDates}>
        <h2>{t("availability.overrides")}</h2>
        {schedule.date_overrides.map((item) => (
          <div className="ln" key={item.id}>
            <div>{clock.fullDay(startOfDay(item.on, clock.zone))}</div>
            <span><bdi dir="ltr">{sayHours(item.intervals) || t("availability.closed")}</bdi></span>
            {mayWrite && <Button kind="quiet" icon="x" aria-label={t("remove")} onPress={() => run(ask("availability", `${path}/date-overrides/${item.id}`, { method: "DELETE" }), onDates)} />}
          </div>
        ))}
        {mayWrite && (
          <div className="three">
            <TextField label={t("field.date")} type="date" value={on} onChange={setOn} />
            <TextField label={t("availability.hours")} value={hours} onChange={setHours} placeholder="9-12, 13-17" error={isRead(read) ? null : t(`availability.${read}`)} hint={t("availability.hoursHint")} />
            <Button isDisabled={!on || !isRead(read)} onPress={() => run(ask("availability", `${path}/date-overrides`, { method: "POST", body: { on, intervals: isRead(read) ? intervalsOf(read) : [] } }), onDates, clearDate)}>{t("add")}</Button>
          </div>
        )}
      </section>
      <section className="panel" ref={away}>
        <h2>{t(isBusiness ? "availability.closures" : "availability.timeOff")}</h2>
        {schedule.absences.map((item) => (
          <div className="ln" key={item.id}>
            <div><bdi>{clock.dayAndTime(instantOf(item.starts_at))} – {clock.dayAndTime(instantOf(item.ends_at))}</bdi>{item.reason && <small><bdi>{item.reason}</bdi></small>}</div>
            {mayWrite && <Button kind="quiet" icon="x" aria-label={t("remove")} onPress={() => run(ask("availability", `${path}/${absences}/${item.id}`, { method: "DELETE" }), away)} />}
          </div>
        ))}
        {schedule.holidays.map((item) => <div className="ln" key={item.on}><div>{clock.fullDay(startOfDay(item.on, clock.zone))}</div><span><bdi>{item.name}</bdi></span></div>)}
        {mayWrite && (
          <div className="three">
            <TextField label={t("availability.from")} type="date" value={from} onChange={setFrom} />
            <TextField label={t("availability.until")} type="date" value={to} onChange={setTo} />
            <TextField label={t("reason")} value={reason} onChange={setReason} maxLength={200} />
            <Button isDisabled={!from || !to || to < from} onPress={() => run(ask("availability", `${path}/${absences}`, { method: "POST", body: { starts_at: isoOf(startOfDay(from, clock.zone)), ends_at: isoOf(startOfDay(addDays(to, 1), clock.zone)), reason: reason.trim() || null } }), away, clearAbsence)}>{t("add")}</Button>
          </div>
        )}
      </section>
    </>
  );
}

/** Weekly hours, and what differs from them, of one resource or of the business itself. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useWindow } from "../api/appointments";
import { useResources } from "../api/catalogue";
import { ask } from "../api/client";
import type { components } from "../api/schema/availability";
import { useRight, useSession } from "../api/session";
import { useBusiness } from "../business";
import { type Clock, addDays, dayOf, now, startOfDay, startOfWeek, weekdaysFrom } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { FirstBusiness } from "./Businesses";
import { Conflicts } from "./Conflicts";
import { fits } from "./standing";
import { CopyMonday } from "./CopyMonday";
import { Exceptions } from "./Exceptions";
import { type Days, intervalsOf, isRead, openOn, readWeek, sayHours, saySpans } from "./hours";
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
  const everybody = useQuery({ queryKey: ["schedule", ofBusiness], enabled: business !== undefined, queryFn: () => ask<Schemas["ScheduleOut"]>("availability", `${ofBusiness}/schedule`) }).data ?? null;
  const opening = everybody?.weekly ?? null;
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
            <Exceptions path={path} schedule={schedule.data} business={chosen === BUSINESS ? null : everybody} resourceId={chosen === BUSINESS ? null : chosen} usual={readWeek(textsOf(schedule.data.weekly ?? opening))} clock={clock} mayWrite={mayWrite} />
          </>
        )}
      </div>
    </Page>
  );
}

const textsOf = (weekly: Schemas["WeekdayOut"][] | null): string[] => [0, 1, 2, 3, 4, 5, 6].map((day) => sayHours(weekly?.find((item) => item.weekday === day)?.intervals ?? []));

function WeekEditor({ path, schedule, opening, resourceId, clock, mayWrite }: { path: string; schedule: Schemas["ScheduleOut"]; opening: Schemas["WeekdayOut"][] | null; resourceId: string | null; clock: Clock; mayWrite: boolean }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { business } = useBusiness();
  /** What the changes were begun on: somebody else may save other hours meanwhile. */
  const [begun, setBegun] = useState(schedule);
  const [follows, setFollows] = useState(schedule.weekly === null);
  const [texts, setTexts] = useState(() => textsOf(schedule.weekly));
  const [error, setError] = useState<unknown>(null);
  const beginWith = (saved: Schemas["ScheduleOut"]) => {
    setBegun(saved);
    setFollows(saved.weekly === null);
    setTexts(textsOf(saved.weekly));
    setError(null);
  };
  const isNewer = schedule.version > begun.version;
  if (isNewer && follows === (begun.weekly === null) && texts.join("\n") === textsOf(begun.weekly).join("\n")) beginWith(schedule);
  const monday = startOfWeek(dayOf(now(), clock.zone));
  const nameOf = (weekday: number) => clock.weekdayName(startOfDay(addDays(monday, weekday), clock.zone));
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
              return <TextField key={index} label={nameOf(index)} value={texts[index] ?? ""} onChange={(value) => setTexts((all) => all.map((other, at) => (at === index ? value : other)))} placeholder={t("availability.closed")} error={isRead(hours) ? null : t(`availability.${hours}`)} isDisabled={!mayWrite} dir="ltr" />;
            })}
            {mayWrite && <CopyMonday order={weekdaysFrom(clock.firstWeekday)} nameOf={nameOf} onCopy={(chosen) => setTexts((all) => all.map((text, day) => (chosen.includes(day) ? (all[0] ?? "") : text)))} />}
          </div>
          <WeekGrid days={days} monday={monday} open={open} clock={clock} mayWrite={mayWrite} onChange={draw} />
        </div>
      )}
      <Conflicts appointments={outside} />
      {mayWrite && <Button id={SAVE} kind="primary" isDisabled={wrong && !follows} onPress={() => save()}>{t("save")}</Button>}
    </section>
  );
}

/** The front desk's day: staff side by side, three days, or a week. */
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { doubtsAbout } from "../api/bookability";
import { useServices } from "../api/catalogue";
import { useRight, useSession } from "../api/session";
import { AppointmentDrawer } from "../appointments/Drawer";
import { useBusiness } from "../business";
import { useShortcuts } from "../keys";
import { type Day, addDays, dayOf, daysFrom, isoOf, now as readNow, startOfDay, startOfWeek } from "../time";
import { Button } from "../ui/Button";
import { Empty, Live, NotRefreshed, Waiting } from "../ui/Page";
import { sayReason } from "../ui/Problem";
import { usePhone } from "../ui/phone";
import { useScale } from "../ui/scale";
import { FirstBusiness } from "../setup/Businesses";
import { useAsking } from "./askingMoves";
import { DayPicker } from "./DayPicker";
import { Faces, faceOf } from "./Faces";
import type { Answer } from "./MoveQuestion";
import { rememberStaff, rememberedStaff } from "./rememberedStaff";
import { NO_GROUPS, capacitiesOf } from "./sessions";
import { StaffFilter } from "./StaffFilter";
import { swipes } from "./swipe";
import { TimeGrid, type Target } from "./TimeGrid";
import { useCalendar } from "./useCalendar";
import { resourcesAfter, useDrop } from "./useDrop";
import { useHues } from "./useHues";
import { ViewMenu } from "./ViewMenu";
import { useViewOptions } from "./viewOptions";

const ForcedMove = lazy(() => import("./ForcedMove"));

export type View = "day" | "3days" | "week";
const LENGTH: Record<View, number> = { day: 1, "3days": 3, week: 7 };
const STEP = 15;
const MOST_TOGETHER = 4;

export function CalendarPage() {
  const { t } = useTranslation();
  const { view, day } = useParams({ from: "/calendar/$view/$day" });
  const search = useSearch({ from: "/calendar/$view/$day" });
  const navigate = useNavigate({ from: "/calendar/$view/$day" });
  const session = useSession();
  const { business, clock, loading: businessLoading } = useBusiness();
  const canMove = useRight("book");
  const canOverride = useRight("override");
  const now = useNow();
  const today = dayOf(now, clock.zone);
  const [forced, setForced] = useState<{ target: Target; notify: boolean } | null>(null);
  const scale = useScale();
  const [options, setOptions] = useViewOptions();
  const [asking, setAsking] = useAsking();
  const { hues, services } = useHues(business?.id, options.colour === "service");

  const allServices = useServices().data;
  const capacities = useMemo(() => (allServices ? capacitiesOf(allServices) : NO_GROUPS), [allServices]);
  const length = LENGTH[view];
  const days = useMemo(() => daysFrom(view === "week" ? startOfWeek(day, clock.firstWeekday) : day, length), [view, day, length, clock]);
  const own = session.user.resource_id;
  const [choices, setChoices] = useState(0);
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const usual = useMemo(() => (view === "day" ? rememberedStaff(business?.id) : own ? [own] : undefined), [view, business?.id, own, choices]);
  const wished = search.staff ?? usual;
  // Many days are of one person, or of a few that were chosen.
  const most = view === "day" ? Number.POSITIVE_INFINITY : wished ? MOST_TOGETHER : view === "week" ? 1 : MOST_TOGETHER;
  const { columns, lanes, error, loading, readAt } = useCalendar({ businessId: business?.id, days, clock, staff: wished, gone: search.gone ?? false, most, onlyWorking: options.onlyWorking });
  const shown = new Set(columns.map((column) => column.resourceId)).size;
  const narrow = usePhone() && view === "day";
  const face = narrow ? faceOf(columns, search.face, own) : null;
  const drawn = useMemo(() => (face ? columns.filter((column) => column.resourceId === face) : columns), [columns, face]);

  const go = (to: { view?: View; day?: Day }) => void navigate({ params: { view: to.view ?? view, day: to.day ?? day }, search: (kept) => ({ ...kept, appointment: undefined }) });
  const set = (change: Partial<typeof search>, replace = false) => void navigate({ search: (kept) => ({ ...kept, ...change }), replace });
  const chooseStaff = (staff: string[] | undefined) => {
    if (view === "day" && business) rememberStaff(business.id, staff);
    setChoices((count) => count + 1);
    set({ staff });
  };
  useShortcuts({
    t: () => go({ day: today }),
    d: () => go({ view: "day" }),
    "3": () => go({ view: "3days" }),
    w: () => go({ view: "week" }),
    arrowleft: () => go({ day: addDays(day, -length) }),
    arrowright: () => go({ day: addDays(day, length) }),
    escape: () => set({ appointment: undefined }),
  });
  useEffect(() => {
    document.title = `${clock.longDay(startOfDay(day, clock.zone))} · ${t("nav.calendar")} · Slotstream`;
  }, [clock, day, t]);

  const judge = async (target: Target): Promise<readonly string[]> => {
    const { appointment } = target;
    const doubts = await doubtsAbout({
      ...(appointment.service_id ? { service_id: appointment.service_id } : { business_id: appointment.business_id }),
      starts_at: isoOf(target.start),
      duration_minutes: target.minutes,
      resource_ids: resourcesAfter(target),
      ignore_appointment_ids: [appointment.id],
    });
    return doubts.map((reason) => sayReason(t, reason));
  };

  const { drop, moveTo } = useDrop(clock, {
    onMoved: (from, to) => search.appointment === from && set({ appointment: to }, true),
    onOpen: (id) => set({ appointment: id }),
  });
  const onMove = async (target: Target, answer: Answer | null): Promise<string | null> => {
    const notify = answer ? answer.notify : asking === "tell";
    if (answer?.remember) setAsking(notify ? "tell" : "quiet");
    if (!canOverride || !(answer ? answer.override : target.override)) return drop(target, { notify });
    setForced({ target, notify });
    return null;
  };

  if (businessLoading) return <Waiting />;
  if (!business) return <FirstBusiness />;
  const title = view === "day" ? clock.longDay(startOfDay(day, clock.zone)) : `${clock.shortDay(startOfDay(days[0] ?? day, clock.zone))} – ${clock.shortDay(startOfDay(days.at(-1) ?? day, clock.zone))}`;
  return (
    <>
      <header className="top">
        <Button className="hide-s" onPress={() => go({ day: today })} shortcut="T">
          {t("today")}
        </Button>
        <Button kind="quiet" icon="prev" mirrored aria-label={t("calendar.previous")} onPress={() => go({ day: addDays(day, -length) })} />
        <Button kind="quiet" icon="next" mirrored aria-label={t("calendar.next")} onPress={() => go({ day: addDays(day, length) })} />
        <h1>
          <DayPicker title={title} day={day} today={today} clock={clock} onChange={(chosen) => go({ day: chosen })} />
        </h1>
        <Live />
        <span className="fill" />
        <StaffFilter
          lanes={lanes}
          chosen={new Set(wished ?? lanes.slice(0, most).map((lane) => lane.resource_id))}
          onChange={chooseStaff}
          shown={shown}
          working={options.onlyWorking}
          onWorking={(onlyWorking) => setOptions({ ...options, onlyWorking })}
        />
        <span className="seg" role="group" aria-label={t("calendar.view")}>
          {(["day", "3days", "week"] as const).map((name) => (
            <button type="button" key={name} aria-pressed={view === name} onClick={() => go({ view: name })}>
              {t(`calendar.${name}`)}
            </button>
          ))}
        </span>
        <ViewMenu options={options} onOptions={setOptions} gone={search.gone ?? false} onGone={(gone) => set({ gone: gone || undefined })} asking={canMove ? asking : null} onAsking={setAsking} clock={clock} services={services} />
        {canMove && (
          <Button kind="primary" icon="plus" className="hide-s" shortcut="N" onPress={() => void navigate({ to: "/appointments/new", search: { start: undefined } })}>
            {t("new.short")}
          </Button>
        )}
      </header>
      {error && columns.length > 0 && <NotRefreshed error={error} at={readAt} lead={t("error.notBooked")} clock={clock} />}
      {face && columns.length > 1 && <Faces columns={columns} chosen={face} onChoose={(id) => set({ face: id }, true)} />}
      <div className={search.appointment ? "work with-drawer" : "work"} {...(narrow ? swipes((by) => go({ day: addDays(day, by) })) : {})}>
        {error && !columns.length ? (
          <Waiting error={error} />
        ) : columns.length ? (
          <TimeGrid
            columns={drawn}
            clock={clock}
            now={now}
            step={STEP}
            scale={scale}
            options={options}
            hues={hues}
            capacities={capacities}
            selected={search.appointment}
            canMove={canMove}
            label={`${t("nav.calendar")}, ${title}`}
            judge={judge}
            onOpen={(appointment) => set({ appointment: appointment.id })}
            asks={asking === "ask"}
            mayOverride={canOverride}
            onMove={onMove}
            onDraft={(draft) =>
              canMove &&
              void navigate({
                to: "/appointments/new",
                search: { start: isoOf(draft.start), staff: draft.resourceId, minutes: draft.minutes ?? undefined },
              })
            }
          />
        ) : loading ? (
          <Waiting />
        ) : options.onlyWorking && lanes.length ? (
          <Empty title={t("calendar.nobodyWorks")}>
            <Button onPress={() => setOptions({ ...options, onlyWorking: false })}>{t("calendar.showAll")}</Button>
          </Empty>
        ) : (
          <Empty title={t("calendar.noStaff")} />
        )}
        {search.appointment && <AppointmentDrawer id={search.appointment} onClose={() => set({ appointment: undefined })} onOther={(id) => set({ appointment: id }, true)} />}
      </div>
      {forced && (
        <Suspense fallback={null}>
          <ForcedMove target={forced.target} onClose={() => setForced(null)} onMove={(target, reason) => moveTo(target, { notify: forced.notify, reason })} />
        </Suspense>
      )}
    </>
  );
}

/** The minute, kept. A tab that slept catches up when it is looked at. */
function useNow(): number {
  const [now, setNow] = useState(readNow);
  useEffect(() => {
    const tick = () => setNow(readNow());
    const timer = window.setInterval(tick, 30_000);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, []);
  return now;
}

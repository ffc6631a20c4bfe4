/** The front desk's day: staff side by side, three days, or a week. */
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { move } from "../api/appointments";
import { doubtsAbout } from "../api/bookability";
import { ProblemError } from "../api/client";
import { showOwn } from "../api/follow";
import { useRight, useSession } from "../api/session";
import { nextFree } from "../api/slots";
import { AppointmentDrawer } from "../appointments/Drawer";
import { ReasonSheet } from "../appointments/sheets";
import { useBusiness } from "../business";
import { useShortcuts } from "../keys";
import { type Day, addDays, dayOf, daysFrom, isDay, isoOf, now as readNow, startOfDay, startOfWeek } from "../time";
import { Button } from "../ui/Button";
import { Checkbox } from "../ui/fields";
import { Icon } from "../ui/Icon";
import { Empty, Live, Waiting } from "../ui/Page";
import { sayError, sayReason } from "../ui/Problem";
import { useScale } from "../ui/scale";
import { toast } from "../ui/toasts";
import { FirstBusiness } from "../setup/Businesses";
import { TimeGrid, type Target } from "./TimeGrid";
import { useCalendar } from "./useCalendar";

export type View = "day" | "3days" | "week";
const LENGTH: Record<View, number> = { day: 1, "3days": 3, week: 7 };
const STEP = 15;
const TAKEN = ["slot_taken", "class_full"];
const MOST_TOGETHER = 4;

export function CalendarPage() {
  const { t } = useTranslation();
  const { view, day } = useParams({ from: "/calendar/$view/$day" });
  const search = useSearch({ from: "/calendar/$view/$day" });
  const navigate = useNavigate({ from: "/calendar/$view/$day" });
  const client = useQueryClient();
  const session = useSession();
  const { business, clock, loading: businessLoading } = useBusiness();
  const canMove = useRight("book");
  const canOverride = useRight("override");
  const now = useNow();
  const today = dayOf(now, clock.zone);
  const [forced, setForced] = useState<Target | null>(null);
  const scale = useScale();

  const length = LENGTH[view];
  const days = useMemo(() => daysFrom(view === "week" ? startOfWeek(day, clock.firstWeekday) : day, length), [view, day, length, clock]);
  const own = session.user.resource_id;
  const wished = search.staff ?? (view !== "day" && own ? [own] : undefined);
  // Many days are of one person, or of a few that were chosen.
  const most = view === "day" ? Number.POSITIVE_INFINITY : wished ? MOST_TOGETHER : view === "week" ? 1 : MOST_TOGETHER;
  const { columns, lanes, error, loading } = useCalendar({ businessId: business?.id, days, clock, staff: wished, gone: search.gone ?? false, most });

  const go = (to: { view?: View; day?: Day }) => void navigate({ params: { view: to.view ?? view, day: to.day ?? day }, search: (kept) => ({ ...kept, appointment: undefined }) });
  const set = (change: Partial<typeof search>, replace = false) => void navigate({ search: (kept) => ({ ...kept, ...change }), replace });
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

  const drop = async (target: Target, reason?: string) => {
    const { appointment } = target;
    const before = { ...appointment };
    const body = {
      starts_at: isoOf(target.start),
      duration_minutes: target.minutes,
      resource_ids: resourcesAfter(target),
      notify: appointment.notify_client,
      ...(reason ? { override: { reason } } : {}),
    };
    try {
      const done = await move(appointment, body);
      await showOwn(client, done.replaced, done.appointment);
      toast(t("calendar.moved", { name: appointment.client.name, time: clock.dayAndTime(target.start) }), {
        actions: [{ name: t("undo"), run: () => void undo(done.appointment, before) }],
      });
      set({ appointment: search.appointment === appointment.id ? done.appointment.id : search.appointment }, true);
    } catch (failure) {
      void client.invalidateQueries({ queryKey: ["appointments"] });
      const taken = failure instanceof ProblemError && TAKEN.includes(failure.code);
      if (taken) void client.invalidateQueries({ queryKey: ["calendar"] });
      const free = taken ? await nextFree(appointment, { after: target.start, minutes: target.minutes, resourceId: target.resourceId, zone: clock.zone }) : [];
      const told = t("calendar.notMoved", { name: appointment.client.name, why: sayError(t, failure) });
      toast(free.length ? `${told} ${t("calendar.nextFree")}` : told, {
        danger: true,
        actions: free.map((start) => ({
          name: dayOf(start, clock.zone) === dayOf(target.start, clock.zone) ? clock.time(start) : clock.dayAndTime(start),
          run: () => void drop({ ...target, start, override: false }),
        })),
      });
    }
  };

  const undo = async (moved: Parameters<typeof move>[0], before: (typeof columns)[number]["appointments"][number]) => {
    try {
      const done = await move(moved, {
        starts_at: before.starts_at,
        duration_minutes: before.duration_minutes,
        resource_ids: before.resources.filter((resource) => resource.kind !== "business").map((resource) => resource.id),
        notify: before.notify_client,
      });
      await showOwn(client, done.replaced, done.appointment);
    } catch (failure) {
      toast(sayError(t, failure), { danger: true });
    }
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
          <bdi>{title}</bdi>
        </h1>
        <label className="datepick">
          <span className="sr">{t("calendar.pick")}</span>
          <input type="date" value={day} onChange={(event) => isDay(event.target.value) && go({ day: event.target.value })} />
        </label>
        <Live />
        <span className="fill" />
        <StaffFilter lanes={lanes} chosen={wished ?? lanes.slice(0, most).map((lane) => lane.resource_id)} onChange={(staff) => set({ staff })} />
        <span className="seg" role="group" aria-label={t("calendar.view")}>
          {(["day", "3days", "week"] as const).map((name) => (
            <button type="button" key={name} aria-pressed={view === name} onClick={() => go({ view: name })}>
              {t(`calendar.${name}`)}
            </button>
          ))}
        </span>
        {canMove && (
          <Button kind="primary" icon="plus" className="hide-s" shortcut="N" onPress={() => void navigate({ to: "/appointments/new", search: { start: undefined } })}>
            {t("new.short")}
          </Button>
        )}
      </header>
      <div className={search.appointment ? "work with-drawer" : "work"}>
        {error && !columns.length ? (
          <Waiting error={error} />
        ) : columns.length ? (
          <TimeGrid
            columns={columns}
            clock={clock}
            now={now}
            step={STEP}
            pixelsPerMinute={1.4 * scale}
            hours={hoursOf(columns)}
            selected={search.appointment}
            canMove={canMove}
            label={`${t("nav.calendar")}, ${title}`}
            judge={judge}
            onOpen={(appointment) => set({ appointment: appointment.id })}
            onMove={(target) => (target.override && canOverride ? setForced(target) : void drop(target))}
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
        ) : (
          <Empty title={t("calendar.noStaff")} />
        )}
        {search.appointment && <AppointmentDrawer id={search.appointment} onClose={() => set({ appointment: undefined })} onOther={(id) => set({ appointment: id }, true)} />}
      </div>
      {forced && (
        <ReasonSheet
          title={t("calendar.override")}
          action={t("calendar.overrideAction")}
          onClose={() => setForced(null)}
          onDone={(reason) => {
            const target = forced;
            setForced(null);
            void drop(target, reason);
          }}
        />
      )}
    </>
  );
}

/** The resources of the appointment, with the one of the column it left replaced by that of the column it came to. */
function resourcesAfter(target: Target): string[] {
  const kept = target.appointment.resources.filter((resource) => resource.kind !== "business").map((resource) => (resource.id === target.fromResourceId ? target.resourceId : resource.id));
  return [...new Set(kept)];
}

function hoursOf(columns: readonly { blocks: readonly { kind: string; from: number; to: number }[] }[]) {
  const closed = columns.map((column) => column.blocks.filter((block) => block.kind === "closed"));
  const opens = closed.map((blocks) => blocks.find((block) => block.from === 0)?.to ?? 0).filter((minute) => minute < 1380);
  return { from: opens.length ? Math.min(...opens) : 480, to: 1440 };
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

function StaffFilter({ lanes, chosen, onChange }: { lanes: readonly { resource_id: string; name: string }[]; chosen: readonly string[] | undefined; onChange: (staff: string[] | undefined) => void }) {
  const { t } = useTranslation();
  const shown = new Set(chosen?.length ? chosen : lanes.map((lane) => lane.resource_id));
  const toggle = (id: string, on: boolean) => {
    const next = lanes.map((lane) => lane.resource_id).filter((lane) => (lane === id ? on : shown.has(lane)));
    onChange(next.length === lanes.length || next.length === 0 ? undefined : next);
  };
  return (
    <DialogTrigger>
      <AriaButton className="btn">
        {t("calendar.staff")} <span className="soft">{t("calendar.of", { shown: lanes.filter((lane) => shown.has(lane.resource_id)).length, all: lanes.length })}</span>
        <Icon name="down" />
      </AriaButton>
      <Popover className="popover">
        <Dialog className="choices" aria-label={t("calendar.staff")}>
          {lanes.map((lane) => (
            <Checkbox key={lane.resource_id} value={shown.has(lane.resource_id)} onChange={(on) => toggle(lane.resource_id, on)}>
              <bdi>{lane.name}</bdi>
            </Checkbox>
          ))}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

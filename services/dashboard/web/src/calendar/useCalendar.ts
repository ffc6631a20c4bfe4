/** What a calendar draws: opening hours, absences and busy time of availability, appointments of booking. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { type Appointment, GONE, useWindow } from "../api/appointments";
import { readAll } from "../api/catalogue";
import type { components } from "../api/schema/availability";
import type { components as booking } from "../api/schema/booking";
import { ask } from "../api/client";
import { type Clock, type Day, MINUTE, addDays, duration, instantOf, isoOf, now as readNow, startOfDay } from "../time";
import { numbers } from "../numbers";
import { type Span, gapsBetween, partIn } from "./layout";
import type { Block, Column } from "./TimeGrid";
import { useHolderName } from "./useHolderName";

type CalendarOut = components["schemas"]["CalendarOut"];
type Hold = booking["schemas"]["HoldOut"];
type Lane = components["schemas"]["CalendarLaneOut"];

/** Keeps a line's place until it is known what it says. */
const BLANK = "\u00a0";

export type CalendarWish = { businessId: string | undefined; days: readonly Day[]; clock: Clock; staff: readonly string[] | undefined; gone: boolean; most: number; onlyWorking: boolean };

export function useCalendar({ businessId, days, clock, staff, gone, most, onlyWorking }: CalendarWish) {
  const { t, i18n } = useTranslation();
  const first = days[0] ?? "1970-01-01";
  const from = startOfDay(first, clock.zone);
  const to = startOfDay(addDays(days.at(-1) ?? first, 1), clock.zone);
  const appointments = useWindow(businessId, from, to);
  const calendar = useQuery({
    queryKey: ["calendar", businessId, from, to],
    enabled: businessId !== undefined,
    queryFn: ({ signal }) => ask<CalendarOut>("availability", "/calendar", { query: { business_id: businessId, from: isoOf(from), to: isoOf(to) }, signal }),
    placeholderData: (previous) => previous,
  });
  const holds = useQuery({
    queryKey: ["calendar", "holds", businessId, from, to],
    enabled: businessId !== undefined,
    queryFn: () => readAll<Hold>("/holds", { business_id: businessId, from: isoOf(from), to: isoOf(to) }),
  });
  const held = useUnexpired(holds.data);
  const holderName = useHolderName(useMemo(() => held.map((hold) => hold.held_by), [held]));
  const isUsed = useMemo(() => appointments.data?.some((appointment) => appointment.resources.some((resource) => resource.kind === "business")) ?? false, [appointments.data]);
  const lanes = useMemo(
    // The business itself is a lane too: what nobody in particular has to do.
    () => (calendar.data?.businesses.find((business) => business.business_id === businessId)?.resources ?? []).filter((lane) => lane.kind !== "business" || lane.appointments.length > 0 || isUsed),
    [calendar.data, businessId, isUsed],
  );
  const closures = useMemo(() => calendar.data?.businesses.find((business) => business.business_id === businessId)?.closures ?? [], [calendar.data, businessId]);
  const wished = useMemo(() => {
    // Whoever was chosen may be gone, or of another business.
    const found = lanes.filter((lane) => staff?.includes(lane.resource_id));
    return found.length ? found : lanes;
  }, [lanes, staff]);

  const settled = appointments.isSuccess && calendar.isSuccess && !appointments.isPlaceholderData && !calendar.isPlaceholderData;
  const columns = useMemo(() => {
    const byResource = new Map<string, Appointment[]>();
    // Whoever has something booked has a column, also on a day off.
    const isThere = (lane: Lane) => days.some((day) => openSpans(lane, day, clock).length > 0 || byResource.get(lane.resource_id)?.some((appointment) => partIn(day, clock.zone, instantOf(appointment.starts_at), instantOf(appointment.ends_at))));
    for (const appointment of appointments.data ?? []) {
      if (GONE.has(appointment.status) && !gone) continue;
      for (const resource of appointment.resources) {
        const known = byResource.get(resource.id);
        if (known) known.push(appointment);
        else byResource.set(resource.id, [appointment]);
      }
    }
    const chosen = (onlyWorking ? wished.filter(isThere) : wished).slice(0, most);
    return days.flatMap((day) => {
      const open = new Map(chosen.map((lane) => [lane.resource_id, openSpans(lane, day, clock)]));
      const closes = Math.max(...chosen.filter(isPerson).flatMap((lane) => open.get(lane.resource_id) ?? []).map((span) => span.to));
      const closedFor = closureOf(closures, [...open.values()].flat(), day, clock, t);
      return chosen.map((lane): Column => {
        const mine = byResource.get(lane.resource_id) ?? [];
        const shown = mine.filter((appointment) => partIn(day, clock.zone, instantOf(appointment.starts_at), instantOf(appointment.ends_at)));
        const count = shown.filter((appointment) => !GONE.has(appointment.status)).length;
        const hours = open.get(lane.resource_id) ?? [];
        const minutes = hours.reduce((sum, span) => sum + span.to - span.from, 0);
        const booked = shown.reduce((sum, appointment) => sum + (GONE.has(appointment.status) ? 0 : appointment.duration_minutes), 0);
        const share = minutes ? ` · ${numbers(i18n.language, { style: "percent" }).format(Math.min(1, booked / minutes))}` : "";
        const manyDays = days.length > 1;
        // Whoever goes before the others do.
        const ends = Math.max(...hours.map((span) => span.to));
        const until = !manyDays && isPerson(lane) && hours.length && ends < closes ? `${t("calendar.until", { time: clock.time(startOfDay(day, clock.zone) + ends * MINUTE) })} · ` : "";
        const nothing = settled ? t("calendar.nothing") : BLANK;
        const idle = closedFor ?? (minutes ? until + nothing : t("calendar.off"));
        const detail = count ? until + t("calendar.booked", { count }) + share : idle;
        return {
          id: `${lane.resource_id}|${day}`,
          title: manyDays && chosen.length === 1 ? clock.shortDay(startOfDay(day, clock.zone)) : manyDays ? `${clock.weekday(startOfDay(day, clock.zone))} · ${lane.name}` : lane.name,
          detail: manyDays && chosen.length === 1 && minutes ? `${detail} · ${duration(minutes, i18n.language)}` : detail,
          day,
          resourceId: lane.resource_id,
          resourceName: lane.name,
          person: !manyDays && isPerson(lane),
          open: hours,
          empty: shown.length || !settled ? null : (closedFor ?? nothing),
          blocks: [...blocksOf(lane, closures, day, clock, t), ...heldOf(held.filter((hold) => hold.resource_ids.includes(lane.resource_id)), day, clock, (hold) => t("calendar.held", { who: holderName(hold.held_by), time: clock.time(instantOf(hold.expires_at)) }))],
          appointments: shown,
        };
      });
    });
  }, [appointments.data, wished, most, onlyWorking, closures, clock, days, gone, held, holderName, settled, i18n.language, t]);

  return { columns, lanes, error: appointments.error ?? calendar.error, loading: appointments.isPending || calendar.isPending, readAt: Math.min(appointments.dataUpdatedAt, calendar.dataUpdatedAt) };
}

/** What the business is closed for during all the hours of this day; null where it is not. */
function closureOf(closures: Lane["absences"], hours: readonly Span[], day: Day, clock: Clock, t: TFunction): string | null {
  const closure = closures.find((absence) => {
    const part = partIn(day, clock.zone, instantOf(absence.starts_at), instantOf(absence.ends_at));
    return part !== null && hours.every((span) => part.from <= span.from && span.to <= part.to);
  });
  if (!closure) return null;
  const reason = closure.reason ?? (closure.kind === "closure" ? null : t(`calendar.${closure.kind}`));
  return reason ? t("calendar.closedFor", { reason }) : t("calendar.closure");
}

const isPerson = (lane: Lane): boolean => lane.kind === "staff";

/** When somebody works, in minutes of the day, without what they are absent. */
function openSpans(lane: Lane, day: Day, clock: Clock): Span[] {
  return lane.working.map((span) => partIn(day, clock.zone, instantOf(span.starts_at), instantOf(span.ends_at))).filter((span) => span !== null);
}

/** Holds that still last. Each leaves at the instant it ends, whenever holds are read again. */
function useUnexpired(holds: readonly Hold[] | undefined): readonly Hold[] {
  const [now, setNow] = useState(readNow);
  const lasting = useMemo(() => (holds ?? []).filter((hold) => instantOf(hold.expires_at) > now), [holds, now]);
  const next = Math.min(...lasting.map((hold) => instantOf(hold.expires_at)));
  useEffect(() => {
    if (!Number.isFinite(next)) return;
    const timer = window.setTimeout(() => setNow(Math.max(next, readNow())), Math.max(0, next - readNow()));
    return () => clearTimeout(timer);
  }, [next]);
  return lasting;
}

/** Slots that somebody is just choosing: by whom each is kept, and until when. */
function heldOf(holds: readonly Hold[], day: Day, clock: Clock, say: (hold: Hold) => string): Block[] {
  return holds.flatMap((hold): Block[] => {
    const span = partIn(day, clock.zone, instantOf(hold.starts_at), instantOf(hold.ends_at));
    return span ? [{ ...span, kind: "hold", name: say(hold), until: instantOf(hold.expires_at) }] : [];
  });
}

function blocksOf(lane: Lane, closures: Lane["absences"], day: Day, clock: Clock, t: (key: string) => string): Block[] {
  const part = (span: { starts_at: string; ends_at: string }) => partIn(day, clock.zone, instantOf(span.starts_at), instantOf(span.ends_at));
  const open = lane.working.map(part).filter((span) => span !== null);
  const absences = [...lane.absences, ...closures].flatMap((absence): Block[] => {
    const span = part(absence);
    return span ? [{ ...span, kind: "absent", name: absence.reason ?? t(`calendar.${absence.kind}`) }] : [];
  });
  const first = Math.min(...open.map((span) => span.from));
  const last = Math.max(...open.map((span) => span.to));
  const whole = { from: 0, to: (startOfDay(addDays(day, 1), clock.zone) - startOfDay(day, clock.zone)) / 60_000 };
  const closed = gapsBetween(open, whole)
    .filter((gap) => !absences.some((absence) => absence.from <= gap.from && gap.to <= absence.to))
    // A gap inside the working day is a break; before and after it, the place is closed.
    .map((gap): Block => (open.length && gap.from >= first && gap.to <= last ? { ...gap, kind: "brk", name: t("calendar.break") } : { ...gap, kind: "closed", name: "" }));
  const busy = lane.external.flatMap((external): Block[] => {
    const span = part(external);
    return span ? [{ ...span, kind: "busy", name: t("calendar.busy") }] : [];
  });
  return [...closed, ...absences, ...busy];
}

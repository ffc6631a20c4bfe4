/** Appointments that hours to be set, or time to be taken off, would leave without anybody there. */
import { useQuery } from "@tanstack/react-query";
import { type Appointment, type Page, endOf, startOf } from "../api/appointments";
import { ask, type Query } from "../api/client";
import { type Clock, type Day, type Instant, addDays, dayOf, inZone, isoOf, now, startOfDay, weekdayOf } from "../time";
import { type Days, type Hours, isOpen } from "./hours";

type Timed = Pick<Appointment, "starts_at" | "ends_at">;
export type Span = { from: Instant; to: Instant };

/** Whether an appointment lies within the weekly hours, by the clock of its zone. */
export function fits(appointment: Timed, weekly: Days, clock: Clock): boolean {
  const start = startOf(appointment as Appointment);
  const end = endOf(appointment as Appointment);
  const local = inZone(start, clock.zone);
  const from = local.hour * 60 + local.minute;
  return isOpen(weekly, weekdayOf(dayOf(start, clock.zone)), { from, to: from + (end - start) / 60_000 });
}

/** Those that begin on a date and do not lie within its other hours. What runs over midnight goes on in the usual ones. */
export function outsideOn<T extends Timed>(appointments: readonly T[], on: Day, hours: Hours, usual: Days, clock: Clock): T[] {
  const week = usual.map((open, weekday) => (weekday === weekdayOf(on) ? hours : open));
  return appointments.filter((appointment) => dayOf(startOf(appointment as unknown as Appointment), clock.zone) === on && !fits(appointment, week, clock));
}

export const within = <T extends Timed>(appointments: readonly T[], { from, to }: Span): T[] =>
  appointments.filter((appointment) => startOf(appointment as unknown as Appointment) < to && endOf(appointment as unknown as Appointment) > from);

/** Whole days, as they are typed; null until they are. */
export const daysOff = (from: Day, to: Day, clock: Clock): Span | null => (from && to && from <= to ? { from: startOfDay(from, clock.zone), to: startOfDay(addDays(to, 1), clock.zone) } : null);

/** What began two days before may still last. */
const LASTS_AT_MOST = 2;
const MOST = 1_000;
const OPEN = ["pending", "scheduled", "confirmed"];

/** What is still to come then, of one resource or of the whole business; read to its end, or to a thousand. */
export const useStanding = (businessId: string | undefined, resourceId: string | null, span: Span | null, clock: Clock) =>
  useQuery({
    queryKey: ["inTheWay", "standing", businessId, resourceId, span?.from, span?.to],
    enabled: businessId !== undefined && span !== null,
    queryFn: async ({ signal }) => {
      if (!span) return [];
      const since = startOfDay(addDays(dayOf(Math.max(span.from, now()), clock.zone), -LASTS_AT_MOST), clock.zone);
      const query: Query = { business_id: businessId, resource_id: resourceId, status: OPEN, from: isoOf(since), to: isoOf(span.to), sort: "starts_at", limit: 200 };
      const items: Appointment[] = [];
      let cursor: string | undefined;
      do {
        const page: Page = await ask<Page>("booking", "/appointments", { query: { ...query, cursor }, signal });
        items.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor && items.length < MOST);
      return items.filter((appointment) => appointment.occupies && endOf(appointment) > now());
    },
    staleTime: 10_000,
  });

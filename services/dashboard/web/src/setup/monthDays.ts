/** What each date of a month is like: the usual hours, others, or closed, by the rules that slots are offered by. */
import type { components } from "../api/schema/availability";
import { type Clock, type Day, addDays, instantOf, startOfDay, weekdayOf } from "../time";
import type { Interval } from "./hours";

type Schedule = Pick<components["schemas"]["ScheduleOut"], "weekly" | "date_overrides" | "absences" | "holidays">;
/** `off`: away for the whole date, `partly` for a part of it. */
export type DayKind = "open" | "other" | "closed" | "off" | "partly" | "holiday";
export type DateFacts = { kind: DayKind; intervals: readonly Interval[]; notes: readonly string[] };

/** `business` is what everybody in it follows; null where the schedule is the business's own. */
export function factsOf(day: Day, own: Schedule, business: Schedule | null, clock: Clock): DateFacts {
  const weekly = own.weekly ?? business?.weekly ?? [];
  const on = (schedule: Schedule | null) => schedule?.date_overrides.find((item) => item.on === day);
  const override = on(own) ?? (own.weekly === null ? on(business) : undefined);
  const intervals = override?.intervals ?? weekly.find((item) => item.weekday === weekdayOf(day))?.intervals ?? [];
  // Who opens on a holiday says so by hours of their own for it.
  const holiday = [own, business].flatMap((schedule) => (schedule && !on(schedule)?.intervals.length ? schedule.holidays : [])).find((item) => item.on === day);
  const [from, to] = [startOfDay(day, clock.zone), startOfDay(addDays(day, 1), clock.zone)];
  const away = [...own.absences, ...(business?.absences ?? [])].filter((item) => instantOf(item.starts_at) < to && instantOf(item.ends_at) > from);
  const notes = [holiday?.name, ...away.map((item) => item.reason)].filter((text): text is string => Boolean(text));
  const isWhole = away.some((item) => instantOf(item.starts_at) <= from && instantOf(item.ends_at) >= to);
  if (holiday || isWhole) return { kind: holiday ? "holiday" : "off", intervals: [], notes };
  if (away.length > 0) return { kind: "partly", intervals, notes };
  return { kind: intervals.length === 0 ? "closed" : override ? "other" : "open", intervals, notes };
}

/** From which minute to which the columns are drawn, and where they are scrolled to first. */
import { type Clock, DAY_MINUTES, type Day, type Instant, atClock, instantOf, lengthOfDay, minutesInto } from "../time";
import { type Span, partIn } from "./layout";
import type { Column } from "./TimeGrid";
import { type ViewOptions, spanOf } from "./viewOptions";

/** Minutes passed when the clock shows this time; of one that is shown twice the first or the last. */
function passedAt(day: Day, minutes: number, clock: Clock, last: boolean): number {
  const length = lengthOfDay(day, clock.zone);
  if (minutes >= DAY_MINUTES) return length;
  // On a day without a clock change the two are the same.
  if (length === DAY_MINUTES) return minutes;
  const at = atClock(day, minutes, clock.zone);
  const instant = at.kind === "exact" ? at.instant : at.kind === "skipped" ? at.next : at.instants[last ? 1 : 0];
  return minutesInto(instant, day, clock.zone);
}

export const longestOf = (columns: readonly Column[], clock: Clock): number => Math.max(...columns.map((column) => lengthOfDay(column.day, clock.zone)), DAY_MINUTES);

/** What was chosen, and around it whatever is booked or held: nobody overlooks an appointment for the hours they chose. */
export function shownSpan(options: Pick<ViewOptions, "hours" | "from" | "to">, columns: readonly Column[], clock: Clock): Span {
  const length = longestOf(columns, clock);
  if (options.hours === "all") return { from: 0, to: length };
  const wanted = columns.flatMap((column) => (options.hours === "working" ? column.open : [{ from: passedAt(column.day, options.from * 60, clock, false), to: passedAt(column.day, options.to * 60, clock, true) }]));
  const taken = columns.flatMap((column) => [
    ...column.appointments.map((appointment) => partIn(column.day, clock.zone, instantOf(appointment.starts_at), instantOf(appointment.ends_at))),
    ...column.blocks.filter((block) => block.kind === "hold"),
  ]);
  return spanOf([...wanted, ...taken.filter((part) => part !== null)], length);
}

/** The minute that is at the top when a day is opened: an hour and a half before now, or when the first one opens. */
export function openingMinute(columns: readonly Column[], now: Instant, clock: Clock): number {
  const day = columns[0]?.day;
  const opens = columns.flatMap((column) => column.open.map((span) => span.from));
  const first = opens.length ? Math.min(...opens) : 480;
  const minutes = day === undefined ? -1 : minutesInto(now, day, clock.zone);
  return minutes > first && minutes < DAY_MINUTES ? minutes - 90 : first;
}

/** Weekly hours as they are typed, drawn and sent: pure, in minutes of the wall clock since midnight. */
import type { Span } from "../calendar/layout";
import { DAY_MINUTES, parseTypedTime } from "../time";

export type Interval = { from: string; to: string };
export type WeekdayHours = { weekday: number; intervals: readonly Interval[] };
/** Why a text is not hours; each has its words. */
export type Fault = "wrong" | "overlap";
/** In order; one that ends after `DAY_MINUTES` runs over midnight. */
export type Hours = readonly Span[];
/** The hours of each weekday, Monday first, or what is wrong with its text. */
export type Days = readonly (Hours | Fault)[];

/** "9-12, 13-17.30" as spans in order. Only "+1" lets one end on the next day ("22-2+1"): "9-5" is a slip. */
export function readHours(text: string): Hours | Fault {
  const parts = text.split(/[,;]|\s{2,}/).filter((part) => part.trim());
  const spans = parts.map(readInterval).filter((span) => span !== null);
  if (spans.length < parts.length) return "wrong";
  spans.sort((a, b) => a.from - b.from);
  return spans.some((span, index) => span.from < (spans[index - 1]?.to ?? 0)) ? "overlap" : spans;
}

/** The texts of a week. What runs over midnight into the next day's hours overlaps them. */
export function readWeek(texts: readonly string[]): Days {
  const days = texts.map(readHours);
  return days.map((hours, day) => (isRead(hours) && overflow(hours) > firstOf(days[(day + 1) % 7]) ? "overlap" : hours));
}

/** How far the last of a day's hours runs into the next day. */
const overflow = (hours: Hours | Fault | undefined): number => (isRead(hours) ? Math.max(0, (hours.at(-1)?.to ?? 0) - DAY_MINUTES) : 0);

const firstOf = (hours: Hours | Fault | undefined): number => (isRead(hours) ? (hours[0]?.from ?? DAY_MINUTES) : DAY_MINUTES);

function readInterval(text: string): Span | null {
  const [, sameDay = text, nextDay] = /^(.*?)(\+\s*1)?\s*$/s.exec(text) ?? [];
  const [from = "", to = "", more] = sameDay.split(/\s*[-–—]\s*/);
  const start = parseTypedTime(from);
  const end = ["24", "24:00"].includes(to.trim()) ? DAY_MINUTES : parseTypedTime(to);
  if (more !== undefined || start === null || end === null) return null;
  if (nextDay) return end <= start ? { from: start, to: end + DAY_MINUTES } : null;
  const span = { from: start, to: end || DAY_MINUTES };
  return span.to > span.from ? span : null;
}

export const isRead = (hours: Hours | Fault | undefined): hours is Hours => Array.isArray(hours);

const clockOf = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

export const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

/** As they are sent. */
export const intervalsOf = (hours: Hours): Interval[] => hours.map(({ from, to }) => ({ from: clockOf(from), to: clockOf(to > DAY_MINUTES ? to - DAY_MINUTES : to) }));

/** As they are typed. */
export const sayHours = (intervals: readonly Interval[]): string => saySpans(intervals.map(spanOf));

export const saySpans = (hours: Hours): string => intervalsOf(hours).map(({ from, to }, index) => `${from}–${to}${runsOver(hours[index]) ? "+1" : ""}`).join(", ");

const runsOver = (span: Span | undefined): boolean => (span?.to ?? 0) > DAY_MINUTES;

/** An end at or before the start is on the next day, where midnight is the end of this one. */
function spanOf(interval: Interval): Span {
  const [from, to] = [minutesOf(interval.from), minutesOf(interval.to)];
  return { from, to: to > from ? to : to + DAY_MINUTES };
}

/** What is open on each weekday, Monday first; what runs over midnight is cut there, on both days. */
export function openOn(weekly: readonly WeekdayHours[]): Span[][] {
  const days: Span[][] = Array.from({ length: 7 }, () => []);
  for (const { weekday, intervals } of weekly) {
    for (const { from, to } of intervals.map(spanOf)) {
      days[weekday]?.push({ from, to: Math.min(to, DAY_MINUTES) });
      if (to > DAY_MINUTES) days[(weekday + 1) % 7]?.push({ from: 0, to: to - DAY_MINUTES });
    }
  }
  return days;
}

/** Whether the hours are open throughout, from a minute of a weekday on; also over midnight, where both days are open there. */
export function isOpen(days: Days, weekday: number, { from, to }: Span): boolean {
  const week = 7 * DAY_MINUTES;
  const [starts, ends] = [weekday * DAY_MINUTES + from, weekday * DAY_MINUTES + to];
  const spans = days.flatMap((hours, day) => (isRead(hours) ? hours.map((span) => ({ from: day * DAY_MINUTES + span.from, to: day * DAY_MINUTES + span.to })) : []));
  const around = [-week, 0, week].flatMap((shift) => spans.map((span) => ({ from: span.from + shift, to: span.to + shift }))).sort((a, b) => a.from - b.from);
  return around.reduce((reached, span) => (span.from <= reached ? Math.max(reached, span.to) : reached), starts) >= ends;
}

/** Where an interval stands: intervals of a day never overlap, so its start tells which it is. */
export type At = { day: number; from: number };

export const without = (days: Days, at: At): Days =>
  days.map((hours, day) => (day === at.day && isRead(hours) ? hours.filter((span) => span.from !== at.from) : hours));

/** The days with a span put on one of them, taken from where it was; or why it cannot stand there, as for a typed one. */
export function withSpan(days: Days, day: number, span: Span, was: At | null): Days | Fault {
  const rest = was ? without(days, was) : days;
  const there = rest[day];
  if (!isRead(there)) return there ?? "wrong";
  if (there.some((other) => other.from < span.to && span.from < other.to) || overflow(rest[(day + 6) % 7]) > span.from) return "overlap";
  const hours = [...there, span].sort((a, b) => a.from - b.from);
  return rest.map((kept, index) => (index === day ? hours : kept));
}

/** The minute that is to be in view first: when the earliest opens, a usual morning where that is at midnight. */
export function firstMinute(days: readonly (readonly Span[])[]): number {
  const starts = days.flat().map((span) => span.from).filter((from) => from > 0);
  return starts.length ? Math.min(...starts) : 480;
}

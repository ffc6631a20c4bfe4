/** Weekly hours as they are typed, drawn and sent: pure, in minutes of the wall clock since midnight. */
import type { Span } from "../calendar/layout";
import { DAY_MINUTES, parseTypedTime } from "../time";

export type Interval = { from: string; to: string };
export type WeekdayHours = { weekday: number; intervals: readonly Interval[] };
/** Why a text is not hours; each has its words. */
export type Fault = "wrong" | "overlap";
export type Hours = readonly Span[];
/** The hours of each weekday, Monday first, or what is wrong with its text. */
export type Days = readonly (Hours | Fault)[];

/** "9-12, 13-17.30" as spans in order. An interval ends on the day it begins on, at midnight at the latest. */
export function readHours(text: string): Hours | Fault {
  const parts = text.split(/[,;]|\s{2,}/).filter((part) => part.trim());
  const spans = parts.map(readInterval).filter((span) => span !== null);
  if (spans.length < parts.length) return "wrong";
  spans.sort((a, b) => a.from - b.from);
  return spans.some((span, index) => span.from < (spans[index - 1]?.to ?? 0)) ? "overlap" : spans;
}

function readInterval(text: string): Span | null {
  const [from = "", to = "", more] = text.split(/\s*[-–—]\s*/);
  const start = parseTypedTime(from);
  const end = ["24", "24:00"].includes(to.trim()) ? DAY_MINUTES : parseTypedTime(to);
  if (more !== undefined || start === null || end === null) return null;
  const span = { from: start, to: end || DAY_MINUTES };
  return span.to > span.from ? span : null;
}

export const isRead = (hours: Hours | Fault | undefined): hours is Hours => Array.isArray(hours);

const clockOf = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

export const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

/** As they are sent. */
export const intervalsOf = (hours: Hours): Interval[] => hours.map(({ from, to }) => ({ from: clockOf(from), to: clockOf(to) }));

export const sayHours = (intervals: readonly Interval[]): string => intervals.map(({ from, to }) => `${from.slice(0, 5)}–${to.slice(0, 5)}`).join(", ");

export const saySpans = (hours: Hours): string => sayHours(intervalsOf(hours));

/** What is open on each weekday, Monday first; what runs over midnight is cut there, on both days. */
export function openOn(weekly: readonly WeekdayHours[]): Span[][] {
  const days: Span[][] = Array.from({ length: 7 }, () => []);
  for (const { weekday, intervals } of weekly) {
    for (const interval of intervals) {
      const [from, to] = [minutesOf(interval.from), minutesOf(interval.to)];
      days[weekday]?.push({ from, to: to > from ? to : DAY_MINUTES });
      if (to <= from && to > 0) days[(weekday + 1) % 7]?.push({ from: 0, to });
    }
  }
  return days;
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
  if (there.some((other) => other.from < span.to && span.from < other.to)) return "overlap";
  const hours = [...there, span].sort((a, b) => a.from - b.from);
  return rest.map((kept, index) => (index === day ? hours : kept));
}

/** The minute that is to be in view first: when the earliest opens, a usual morning where that is at midnight. */
export function firstMinute(days: readonly (readonly Span[])[]): number {
  const starts = days.flat().map((span) => span.from).filter((from) => from > 0);
  return starts.length ? Math.min(...starts) : 480;
}

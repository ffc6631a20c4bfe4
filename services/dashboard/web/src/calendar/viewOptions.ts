/** How the calendar is drawn: chosen by whoever sits here, and remembered by the browser. */
import { useState } from "react";
import type { Span } from "./layout";

/** Of the day: the whole, what anybody works, or what was chosen. What is booked outside stays in sight. */
export type HoursShown = "all" | "working" | "chosen";
/**
 * `zoom` is pixels a minute at usual text size; `from` and `to` are full hours of the clock, for what was chosen;
 * `onlyWorking`: whoever is off, and has nothing booked, has no column.
 */
export type ViewOptions = { zoom: number; hours: HoursShown; from: number; to: number; colour: "status" | "service"; onlyWorking: boolean };

const KEY = "slotstream-calendar";
/** Each about a quarter larger than the one before. */
export const ZOOMS = [0.7, 0.9, 1.1, 1.4, 1.8, 2.2, 2.8, 3.5] as const;
export const USUAL: ViewOptions = { zoom: 1.4, hours: "all", from: 8, to: 18, colour: "status", onlyWorking: false };

const oneOf = <T,>(known: readonly T[], value: unknown, otherwise: T): T => known.find((one) => one === value) ?? otherwise;

/** What is kept may be of another version, or written by hand: what makes no sense is as usual. */
export function readOptions(kept: string | null): ViewOptions {
  let read: Partial<Record<keyof ViewOptions, unknown>> = {};
  try {
    const value: unknown = JSON.parse(kept ?? "{}");
    if (typeof value === "object" && value !== null) read = value;
  } catch {
    return USUAL;
  }
  const hours = [read.from, read.to].every(Number.isInteger) ? { from: Number(read.from), to: Number(read.to) } : USUAL;
  const sound = hours.from >= 0 && hours.from < hours.to && hours.to <= 24 ? hours : USUAL;
  return {
    zoom: oneOf(ZOOMS, read.zoom, USUAL.zoom),
    hours: oneOf<HoursShown>(["all", "working", "chosen"], read.hours, USUAL.hours),
    from: sound.from,
    to: sound.to,
    colour: oneOf(["status", "service"] as const, read.colour, USUAL.colour),
    onlyWorking: read.onlyWorking === true,
  };
}

/** The other end gives way: a day that is shown has an hour at least. */
export function withHour(options: ViewOptions, end: "from" | "to", hour: number): ViewOptions {
  const [from, to] = end === "from" ? [hour, Math.max(options.to, hour + 1)] : [Math.min(options.from, hour - 1), hour];
  return { ...options, hours: "chosen", from, to };
}

export function useViewOptions(): [ViewOptions, (options: ViewOptions) => void] {
  const [options, setOptions] = useState(() => readOptions(localStorage.getItem(KEY)));
  const change = (next: ViewOptions) => {
    localStorage.setItem(KEY, JSON.stringify(next));
    setOptions(next);
  };
  return [options, change];
}

const HOUR = 60;

/** From full hour to full hour around all that has to be seen; the whole day where there is nothing. */
export function spanOf(wanted: readonly Span[], length: number): Span {
  if (!wanted.length) return { from: 0, to: length };
  const from = Math.floor(Math.min(...wanted.map((span) => span.from)) / HOUR) * HOUR;
  const to = Math.ceil(Math.max(...wanted.map((span) => span.to)) / HOUR) * HOUR;
  return { from: Math.max(0, from), to: Math.min(length, to) };
}

/** What of `span` is within; null where nothing is. */
export function within(span: Span, bounds: Span): Span | null {
  const part = { from: Math.max(span.from, bounds.from), to: Math.min(span.to, bounds.to) };
  return part.to > part.from ? part : null;
}

/** How many lines of text a card of so many pixels has room for, at usual text size; 0: one, without a margin. */
export function linesIn(pixels: number): 0 | 1 | 2 | 3 {
  if (pixels < 24) return 0;
  return pixels < 40 ? 1 : pixels < 60 ? 2 : 3;
}

/** Where cards stand in a column, and what is in the way of one: pure, in minutes since the column's day began. */
import type { Day, Instant, Zone } from "../time";
import { MINUTE, addDays, dayOf, inZone, lengthOfDay, sameClockOn, startOfDay } from "../time";

export type Span = { from: number; to: number };
export type Place = { lane: number; lanes: number };

/**
 * Side by side where they overlap: each card takes the first free lane of its group, and a group is as wide as it has
 * lanes. Touching is not overlapping.
 */
export function lanesOf<T extends Span & { id: string }>(cards: readonly T[]): Map<string, Place> {
  const places = new Map<string, Place>();
  const sorted = [...cards].sort((a, b) => a.from - b.from || b.to - a.to || (a.id < b.id ? -1 : 1));
  let group: { id: string; lane: number }[] = [];
  let ends: number[] = [];
  let groupEnd = Number.NEGATIVE_INFINITY;
  const close = () => {
    for (const { id, lane } of group) places.set(id, { lane, lanes: ends.length });
    group = [];
    ends = [];
  };
  for (const card of sorted) {
    if (card.from >= groupEnd) close();
    let lane = ends.findIndex((end) => end <= card.from);
    if (lane === -1) lane = ends.push(0) - 1;
    ends[lane] = card.to;
    group.push({ id: card.id, lane });
    groupEnd = Math.max(groupEnd, card.to);
  }
  close();
  return places;
}

/** The part of a stretch of time that falls into a day, in minutes since the day began; null where none does. */
export function partIn(day: Day, zone: Zone, from: Instant, to: Instant): Span | null {
  const start = startOfDay(day, zone);
  const part = { from: Math.max(0, (from - start) / MINUTE), to: Math.min(lengthOfDay(day, zone), (to - start) / MINUTE) };
  return part.to > part.from ? part : null;
}

/** What lies between spans: closed time from the hours that are open. */
export function gapsBetween(open: readonly Span[], within: Span): Span[] {
  const gaps: Span[] = [];
  let reached = within.from;
  for (const span of [...open].sort((a, b) => a.from - b.from)) {
    if (span.from > reached) gaps.push({ from: reached, to: Math.min(span.from, within.to) });
    reached = Math.max(reached, span.to);
  }
  if (reached < within.to) gaps.push({ from: reached, to: within.to });
  return gaps.filter((gap) => gap.to > gap.from);
}

export type Label = { at: number; hour: number; instant: Instant; repeated: boolean };

/** One label for each full hour of the clock. A repeated hour has two, marked so that the offset can tell them apart. */
export function hourLabels(day: Day, zone: Zone): Label[] {
  const start = startOfDay(day, zone);
  const length = lengthOfDay(day, zone);
  const labels: Label[] = [];
  for (let at = 0; at < length; at += 15) {
    const local = inZone(start + at * MINUTE, zone);
    if (local.minute === 0) labels.push({ at, hour: local.hour, instant: start + at * MINUTE, repeated: false });
  }
  return labels.map((label) => ({ ...label, repeated: labels.filter((other) => other.hour === label.hour).length > 1 }));
}

/**
 * Where a card goes that is moved by `minutes` and from the column of one day to that of another: another day keeps
 * the clock time (on the day of a clock change that is not 24 hours), minutes are passed time.
 */
export function movedStart(start: Instant, minutes: number, fromDay: Day, toDay: Day, zone: Zone): Instant {
  const onDay = fromDay === toDay ? start : sameClockOn(start, addDays(dayOf(start, zone), daysBetween(fromDay, toDay)), zone);
  return onDay + minutes * MINUTE;
}

const daysBetween = (from: Day, to: Day): number => Math.round((startOfDay(to, "UTC") - startOfDay(from, "UTC")) / (1440 * MINUTE));

export const snap = (minutes: number, step: number): number => Math.round(minutes / step) * step;

/** By what a stretch is held: the whole of it, its first or last edge, or the empty ground on which it is being drawn. */
export type Grip = "move" | "start" | "end" | "draw";
/** By how many minutes a stretch was moved, and how long it is now. */
export type Pull = { minutes: number; duration: number };

export const ANYWHERE: Span = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/**
 * Where a stretch goes whose grip was pulled by `passed` minutes: its edges on whole steps, at least a step long, and
 * within what is allowed. What is drawn begins at the minute that was pressed (`held.from`), and may go upwards.
 */
export function pulled(grip: Grip, held: { from: number; duration: number }, passed: number, step: number, within: Span = ANYWHERE): Pull {
  const to = held.from + held.duration;
  const from = (at: number, until: number): Pull => ({ minutes: at - held.from, duration: until - at });
  switch (grip) {
    case "move": {
      const at = Math.max(within.from, Math.min(snap(held.from + passed, step), within.to - held.duration));
      return from(at, at + held.duration);
    }
    case "start":
      return from(Math.max(within.from, Math.min(snap(held.from + passed, step), to - step)), to);
    case "end":
      return from(held.from, Math.min(within.to, Math.max(snap(to + passed, step), held.from + step)));
    case "draw": {
      const first = Math.floor(held.from / step) * step;
      const reached = snap(held.from + passed, step);
      if (passed < 0 && reached < first) return from(Math.max(within.from, reached), first + step);
      return from(first, Math.min(within.to, Math.max(reached, first + step)));
    }
  }
}

export type Obstacle = Span & { kind: "appointment" | "busy" | "closed" | "absent" | "hold"; name: string; id?: string };

/** What is in the way, judged by what is on screen. Booking decides. */
export const obstaclesIn = (span: Span, obstacles: readonly Obstacle[], except?: string): Obstacle[] =>
  obstacles.filter((obstacle) => obstacle.id !== except && obstacle.from < span.to && span.from < obstacle.to);

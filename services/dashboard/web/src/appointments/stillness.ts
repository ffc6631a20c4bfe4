/**
 * What is under the pointer, or has the keyboard's focus, stays where it is when a live change comes: nobody clicks on
 * what has just slipped under their hand. What was shown stays in its order, with what is new of each row; the rest
 * waits until the pointer leaves, or something is scrolled.
 */
import { useCallback, useLayoutEffect, useRef, useState } from "react";
import type { Appointment } from "../api/appointments";
import { isOwn } from "../api/follow";
import { isErased } from "../api/people";

export type Line = { kind: "day"; key: string; day: string; appointments: readonly Appointment[] } | { kind: "row"; key: string; appointment: Appointment; gone?: boolean };

type Place = { rows: number; days: number };

function placeOf(lines: readonly Line[], key: string): Place | null {
  const place = { rows: 0, days: 0 };
  for (const line of lines) {
    if (line.key === key) return place;
    if (line.kind === "day") place.days += 1;
    else place.rows += 1;
  }
  return null;
}

/** The lines to show, and how many changes wait: none where the row would not move. Pure. */
export function still(shown: readonly Line[], next: readonly Line[], held: string | null): { lines: readonly Line[]; waiting: number } {
  const before = held === null ? null : placeOf(shown, held);
  if (held === null || !before || isOwn(held)) return { lines: next, waiting: 0 };
  const after = placeOf(next, held);
  if (after && after.rows === before.rows && after.days === before.days) return { lines: next, waiting: 0 };
  const fresh = new Map(next.flatMap((line) => (line.kind === "row" ? [[line.key, line.appointment] as const] : [])));
  const lines = shown.map((line): Line => {
    if (line.kind === "day") return line;
    const appointment = fresh.get(line.key);
    return appointment ? { kind: "row", key: line.key, appointment } : line.gone ? line : { ...line, gone: true };
  });
  // Whoever was erased is named nowhere, whatever moves.
  if (lines.some((line) => line.kind === "row" && line.gone && isErased(line.appointment.client.id))) return { lines: next, waiting: 0 };
  const gone = lines.filter((line) => line.kind === "row" && line.gone).length;
  const known = new Set(shown.map((line) => line.key));
  const added = [...fresh.keys()].filter((key) => !known.has(key)).length;
  return { lines, waiting: Math.max(1, gone + added) };
}

const rowOf = (target: EventTarget): string | null => (target as Element).closest<HTMLElement>("tr")?.querySelector<HTMLElement>("[data-row]")?.dataset.row ?? null;

/**
 * `question` is what the rows answer: to another one, other rows are shown at once. It is null while rows of a former
 * question stand in for those that are asked for.
 */
export function useStill(next: readonly Line[], question: string | null) {
  const drawn = useRef<{ question: string | null; lines: readonly Line[] }>({ question, lines: next });
  const near = useRef<{ pointer: string | null; focus: string | null }>({ pointer: null, focus: null });
  const [, redraw] = useState(0);
  const held = near.current.pointer ?? near.current.focus;
  const { lines, waiting } = question !== null && drawn.current.question === question ? still(drawn.current.lines, next, held) : { lines: next, waiting: 0 };
  const waits = useRef(false);
  useLayoutEffect(() => {
    drawn.current = { question, lines };
    waits.current = waiting > 0;
  });
  const change = useCallback((to: Partial<typeof near.current>) => {
    near.current = { ...near.current, ...to };
    if (waits.current) redraw((count) => count + 1);
  }, []);
  const watch = {
    onPointerOver: (event: React.PointerEvent) => event.pointerType !== "touch" && change({ pointer: rowOf(event.target) }),
    onPointerLeave: () => change({ pointer: null }),
    // Focus that a click brought along is not where somebody is: the pointer tells that.
    onFocus: (event: React.FocusEvent) => change({ focus: event.target.matches(":focus-visible") ? rowOf(event.target) : null }),
    onBlur: () => change({ focus: null }),
    onScroll: () => change({ pointer: null, focus: null }),
  };
  return { lines, waiting, watch };
}

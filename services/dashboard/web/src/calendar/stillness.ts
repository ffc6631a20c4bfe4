/** The card under the pointer, in the hand, or with the keyboard's focus stays where it is when a live change comes. */
import { useCallback, useLayoutEffect, useRef, useState } from "react";
import type { Appointment } from "../api/appointments";
import { isOwn } from "../api/follow";
import { isErased } from "../api/people";
import { instantOf } from "../time";
import { lanesOf, partIn } from "./layout";
import type { Column } from "./TimeGrid";

export type Held = { card: string; column: string };

function cardsOf(column: Column, zone: string) {
  return column.appointments.flatMap((appointment) => {
    const part = partIn(column.day, zone, instantOf(appointment.starts_at), instantOf(appointment.ends_at));
    return part ? [{ ...part, id: appointment.id }] : [];
  });
}

/** Where a card stands: minutes and lane. */
function placeOf(column: Column, card: string, zone: string): string | null {
  const cards = cardsOf(column, zone);
  const found = cards.find(({ id }) => id === card);
  return found ? JSON.stringify([found.from, found.to, lanesOf(cards).get(card)]) : null;
}

/** The columns to show: that of the held card as it was, where the card would move or go. Pure. */
export function stillColumns(shown: readonly Column[], next: readonly Column[], held: Held | null, zone: string): readonly Column[] {
  const before = held && shown.find(({ id }) => id === held.column);
  const at = held ? next.findIndex(({ id }) => id === held.column) : -1;
  const after = next[at];
  if (!held || !before || !after || before === after) return next;
  const place = placeOf(before, held.card, zone);
  const card: Appointment | undefined = before.appointments.find(({ id }) => id === held.card);
  if (!place || !card || isOwn(held.card) || isErased(card.client.id) || place === placeOf(after, held.card, zone)) return next;
  return next.with(at, before);
}

function heldBy(target: EventTarget): Held | null {
  const card = (target as Element).closest<HTMLElement>("[data-card]");
  const column = card?.closest<HTMLElement>("[data-column]");
  return card?.dataset.card && column?.dataset.column ? { card: card.dataset.card, column: column.dataset.column } : null;
}

export function useStillColumns(next: readonly Column[], zone: string) {
  const drawn = useRef(next);
  const near = useRef<{ pointer: Held | null; focus: Held | null }>({ pointer: null, focus: null });
  const [, redraw] = useState(0);
  const columns = stillColumns(drawn.current, next, near.current.pointer ?? near.current.focus, zone);
  const waits = useRef(false);
  useLayoutEffect(() => {
    drawn.current = columns;
    waits.current = columns !== next;
  });
  const change = useCallback((to: Partial<typeof near.current>) => {
    near.current = { ...near.current, ...to };
    if (waits.current) redraw((count) => count + 1);
  }, []);
  const watch = {
    onPointerOver: (event: React.PointerEvent) => event.pointerType !== "touch" && change({ pointer: heldBy(event.target) }),
    onPointerLeave: () => change({ pointer: null }),
    onFocus: (event: React.FocusEvent) => change({ focus: event.target.matches(":focus-visible") ? heldBy(event.target) : null }),
    onBlur: () => change({ focus: null }),
  };
  return { columns, waiting: columns !== next, watch };
}

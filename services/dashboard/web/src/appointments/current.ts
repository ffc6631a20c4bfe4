/** The appointment that keys and the command menu act on: the one in the drawer, or else the row that was gone to. */
import { useEffect, useRef } from "react";
import type { Appointment } from "../api/appointments";
import type { Item } from "../ui/Menu";

export type Current = { appointment: Appointment; items: readonly Item[]; start: (verb: string) => void };

const places = new Set<() => Current | null>();

/** Says what is current in this part of the screen; null where nothing is. */
export function useCurrent(read: () => Current | null): void {
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const place = () => latest.current();
    places.add(place);
    return () => void places.delete(place);
  }, []);
}

export function readCurrent(): Current | null {
  for (const place of places) {
    const current = place();
    if (current) return current;
  }
  return null;
}

/** Does it with what is current; false where there is nothing, or it cannot be done now. */
export function startOnCurrent(verb: string): boolean {
  const current = readCurrent();
  if (!current?.items.some((item) => item.id === verb && !item.why)) return false;
  current.start(verb);
  return true;
}

/** The lines of the list: its rows, with a line before each day where they are sorted by days. */
import type { Appointment, Page } from "../api/appointments";
import { dayOf, instantOf } from "../time";
import type { Line } from "./stillness";

const known = new WeakMap<readonly Page[], Map<boolean, readonly Line[]>>();

/** Remembered for the pages they are made of: whoever comes back to ten thousand rows waits for none of them. */
export function linesOf(pages: readonly Page[], byDay: boolean): readonly Line[] {
  const ofPages = known.get(pages) ?? new Map<boolean, readonly Line[]>();
  known.set(pages, ofPages);
  const lines = ofPages.get(byDay) ?? (byDay ? groupedByDay(pages) : pages.flatMap((page) => page.items.map(rowOf)));
  ofPages.set(byDay, lines);
  return lines;
}

const rowOf = (appointment: Appointment): Line => ({ kind: "row", key: appointment.id, appointment });

function groupedByDay(pages: readonly Page[]): Line[] {
  const lines: Line[] = [];
  let group: Appointment[] = [];
  let day = "";
  for (const page of pages) {
    for (const appointment of page.items) {
      const own = dayOf(instantOf(appointment.starts_at), appointment.zone);
      if (own !== day) {
        day = own;
        group = [];
        lines.push({ kind: "day", key: `day-${own}-${lines.length}`, day: own, appointments: group });
      }
      group.push(appointment);
      lines.push(rowOf(appointment));
    }
  }
  return lines;
}

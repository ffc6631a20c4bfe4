import { expect, test } from "vitest";
import type { Appointment, Page } from "../src/api/appointments";
import { linesOf } from "../src/appointments/lines";

const an = (id: string, starts_at: string): Appointment => ({ id, starts_at, zone: "Europe/Berlin" }) as Appointment;
const pages: Page[] = [
  { items: [an("a", "2026-11-23T08:00:00Z"), an("b", "2026-11-23T22:59:00Z")] },
  { items: [an("c", "2026-11-23T22:59:30Z"), an("d", "2026-11-23T23:00:00Z")] },
];

test("each day of the business's zone has a line before its rows, over the edges of pages", () => {
  const lines = linesOf(pages, true);

  expect(lines.map((line) => (line.kind === "day" ? line.day : line.key))).toEqual(["2026-11-23", "a", "b", "c", "2026-11-24", "d"]);
  expect(lines.flatMap((line) => (line.kind === "day" ? [line.appointments.length] : []))).toEqual([3, 1]);
});

test("rows that are not sorted by day stand without days", () => {
  expect(linesOf(pages, false).map((line) => line.key)).toEqual(["a", "b", "c", "d"]);
});

test("the lines of the same pages are made once, those of others anew", () => {
  expect(linesOf(pages, true)).toBe(linesOf(pages, true));
  expect(linesOf(pages, true)).not.toBe(linesOf([...pages], true));
});

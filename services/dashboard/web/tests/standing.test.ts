import { expect, test } from "vitest";
import { readWeek } from "../src/setup/hours";
import { daysOff, outsideOn, within } from "../src/setup/standing";
import { Clock } from "../src/time";

const clock = new Clock("en-GB", "Europe/Berlin");
/** In Berlin in winter. */
const at = (day: string, from: string, to: string, until = day) => ({ starts_at: `${day}T${from}:00+01:00`, ends_at: `${until}T${to}:00+01:00` });
const USUAL = readWeek(["9-17", "9-17", "9-17", "9-17", "9-17", "", ""]);

test("other hours on a date leave out what begins on that date outside of them", () => {
  const [early, late, next] = [at("2026-12-07", "09:00", "10:00"), at("2026-12-07", "11:30", "12:30"), at("2026-12-08", "09:00", "10:00")];
  expect(outsideOn([early, late, next], "2026-12-07", [{ from: 540, to: 720 }], USUAL, clock)).toEqual([late]);
  expect(outsideOn([early, late, next], "2026-12-07", [], USUAL, clock)).toEqual([early, late]);
});

test("what runs over midnight goes on in the hours of the next day", () => {
  const night = at("2026-12-07", "23:30", "00:30", "2026-12-08");
  const open = [{ from: 540, to: 1440 }];
  expect(outsideOn([night], "2026-12-07", open, USUAL, clock)).toEqual([night]);
  expect(outsideOn([night], "2026-12-07", open, readWeek(["9-17", "0-17", "", "", "", "", ""]), clock)).toEqual([]);
});

test("time off meets what lies in it in part, and not what only touches it", () => {
  const off = daysOff("2026-12-07", "2026-12-08", clock);
  expect(off && off.to - off.from).toBe(48 * 3_600_000);
  const [before, into, out, after] = [at("2026-12-06", "23:00", "00:00", "2026-12-07"), at("2026-12-06", "23:30", "00:30", "2026-12-07"), at("2026-12-08", "23:30", "00:30", "2026-12-09"), at("2026-12-09", "00:00", "01:00")];
  expect(off && within([before, into, out, after], off)).toEqual([into, out]);
  expect(daysOff("2026-12-08", "2026-12-07", clock)).toBeNull();
});

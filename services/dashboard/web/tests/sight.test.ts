import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Sight } from "../src/calendar/sight";

const HOUR = 60;

beforeEach(() => vi.stubGlobal("window", { innerWidth: 1200, innerHeight: 600 }));
afterEach(() => vi.unstubAllGlobals());

const opened = () => {
  const sight = new Sight(1);
  sight.open("2026-12-01", 8 * HOUR);
  return sight;
};

test("draws at once what stands where the day is opened, and what only reaches into it", () => {
  const sight = opened();
  expect(sight.holds(0, 9 * HOUR, 10 * HOUR)).toBe(true);
  expect(sight.holds(0, 7 * HOUR, 8 * HOUR + 1)).toBe(true);
  expect(sight.holds(0, 17 * HOUR, 23 * HOUR)).toBe(true);
});

test("lets wait what is above, below, and in columns beside the window", () => {
  const sight = opened();
  expect(sight.holds(0, 6 * HOUR, 7 * HOUR)).toBe(false);
  expect(sight.holds(0, 19 * HOUR, 20 * HOUR)).toBe(false);
  expect(sight.holds(11, 9 * HOUR, 10 * HOUR)).toBe(false);
});

test("follows whoever scrolls, in either direction of the line", () => {
  const sight = opened();
  sight.scrolled({ scrollTop: 0, scrollLeft: -400 } as Element);
  expect(sight.holds(11, 6 * HOUR, 7 * HOUR)).toBe(true);
  expect(sight.holds(0, 11 * HOUR, 12 * HOUR)).toBe(false);
});

test("opens a day once, and leaves it where it was scrolled to", () => {
  const sight = opened();
  sight.scrolled({ scrollTop: 0, scrollLeft: 0 } as Element);
  sight.open("2026-12-01", 8 * HOUR);
  expect(sight.holds(0, HOUR, 2 * HOUR)).toBe(true);
  sight.open("2026-12-02", 8 * HOUR);
  expect(sight.holds(0, HOUR, 2 * HOUR)).toBe(false);
});

test("knows what is seen of a grid that begins later and is drawn closer", () => {
  const sight = opened();
  sight.scale(2, 8 * HOUR);
  sight.scrolled({ scrollTop: 0, scrollLeft: 0 } as Element);
  expect(sight.holds(0, 12 * HOUR, 13 * HOUR)).toBe(true);
  expect(sight.holds(0, 14 * HOUR, 15 * HOUR)).toBe(false);
  expect(sight.holds(0, 6 * HOUR, 7 * HOUR)).toBe(false);
});

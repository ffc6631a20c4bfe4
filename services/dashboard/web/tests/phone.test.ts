import { expect, test } from "vitest";
import { faceOf } from "../src/calendar/Faces";
import { swiped } from "../src/calendar/swipe";
import type { Column } from "../src/calendar/TimeGrid";

const column = (resourceId: string, works = true) => ({ resourceId, open: works ? [{ from: 540, to: 1020 }] : [], appointments: [] }) as unknown as Column;
const DAY = [column("off", false), column("ada"), column("lin")];

test("a phone shows whoever was chosen, or else oneself, or else the first who works", () => {
  expect(faceOf(DAY, "lin", "ada")).toBe("lin");
  expect(faceOf(DAY, "of another business", "lin")).toBe("lin");
  expect(faceOf(DAY, undefined, null)).toBe("ada");
  expect(faceOf([column("off", false)], undefined, null)).toBe("off");
  expect(faceOf([], "lin", null)).toBeNull();
});

const from = { x: 200, y: 300, at: 1_000 };
const to = (dx: number, dy = 0, after = 200) => ({ x: 200 + dx, y: 300 + dy, at: 1_000 + after });

test("a swipe leads to what comes after in the direction of reading", () => {
  expect(swiped(from, to(-120), false)).toBe(1);
  expect(swiped(from, to(120), false)).toBe(-1);
  expect(swiped(from, to(-120), true)).toBe(-1);
});

test("scrolling, a tap and a finger that rests are no swipe", () => {
  expect(swiped(from, to(-120, 90), false)).toBe(0);
  expect(swiped(from, to(-40), false)).toBe(0);
  expect(swiped(from, to(-120, 0, 400), false)).toBe(0);
});

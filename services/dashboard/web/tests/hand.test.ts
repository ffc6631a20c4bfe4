import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Hand, type Held, REST } from "../src/calendar/hand";

const held = (start: number): Held => ({ start, columnId: "ada", minutes: 30, obstacles: [], doubts: [] }) as unknown as Held;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what a pointer holds rests when it has stayed where it is", () => {
  const hand = new Hand();
  const told = vi.fn();
  hand.subscribe(told);

  hand.hold(held(1), false);
  vi.advanceTimersByTime(REST - 1);
  hand.hold(held(2), false);
  vi.advanceTimersByTime(REST - 1);
  expect([hand.get()?.start, hand.getResting()]).toEqual([2, null]);

  vi.advanceTimersByTime(1);
  expect(hand.getResting()?.start).toBe(2);
  expect(told).toHaveBeenCalledTimes(3);
});

test("what a key has moved rests at once", () => {
  const hand = new Hand();
  hand.hold(held(1), true);
  expect(hand.getResting()?.start).toBe(1);
});

test("what was let go does not rest later", () => {
  const hand = new Hand();
  hand.hold(held(1), false);
  hand.letGo();
  vi.advanceTimersByTime(2 * REST);
  expect([hand.get(), hand.getResting()]).toEqual([null, null]);
});

test("doubts are of the one place where it rests", () => {
  const hand = new Hand();
  hand.doubt(["nothing is held"]);
  expect(hand.get()).toBeNull();

  hand.hold(held(1), true);
  hand.doubt(["too far away"]);
  expect(hand.getResting()?.doubts).toEqual(["too far away"]);

  hand.hold(held(2), true);
  expect(hand.getResting()?.doubts).toEqual([]);
});

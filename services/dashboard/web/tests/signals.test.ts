import { expect, test } from "vitest";
import { isNotSynced } from "../src/api/attention";
import { idsAround, remindedOf } from "../src/api/signals";

test("a reminder that did not arrive is told before one that is still to come", () => {
  expect(remindedOf({ failed: 1, planned: 2, sent: 1 })).toBe("undelivered");
  expect(remindedOf({ unknown: 1 })).toBe("undelivered");
  expect(remindedOf({ planned: 1, sent: 1 })).toBe("planned");
  expect(remindedOf({ claimed: 1 })).toBe("planned");
  expect(remindedOf({ delivered: 1 })).toBe("sent");
});

test("what was held back on purpose is no signal", () => {
  expect(remindedOf({ suppressed: 3 })).toBeNull();
  expect(remindedOf({})).toBeNull();
});

const IDS = Array.from({ length: 240 }, (_, index) => `id${index}`);

test("rows are asked for in steps, so that a little scrolling asks nothing new", () => {
  expect(idsAround(IDS, 3, 20)).toEqual(IDS.slice(0, 50));
  expect(idsAround(IDS, 8, 25)).toEqual(IDS.slice(0, 50));
  expect(idsAround(IDS, 40, 60)).toEqual(IDS.slice(0, 100));
});

test("no question names more than a hundred, and an empty list asks nothing", () => {
  expect(idsAround(IDS, 10, 239)).toHaveLength(100);
  expect(idsAround([], -1, -1)).toEqual([]);
});

test("a calendar that was paused on purpose needs nobody", () => {
  expect(isNotSynced({ state: "failing", pause_reason: null })).toBe(true);
  expect(isNotSynced({ state: "paused", pause_reason: "mass_deletion" })).toBe(true);
  expect(isNotSynced({ state: "paused", pause_reason: "requested" })).toBe(false);
  expect(isNotSynced({ state: "ok", pause_reason: null })).toBe(false);
});

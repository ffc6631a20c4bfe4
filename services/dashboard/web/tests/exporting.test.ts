import { expect, test } from "vitest";
import { portionsOf } from "../src/appointments/ExportSheet";

const IDS = Array.from({ length: 2_350 }, (_, index) => `id-${index}`);

test("all that are selected are exported, in as many files as they take", () => {
  const portions = portionsOf(IDS);
  expect(portions.map(({ from, ids }) => [from, ids.length])).toEqual([[1, 1_000], [1_001, 1_000], [2_001, 350]]);
  expect(portions.flatMap(({ ids }) => ids)).toEqual(IDS);
  expect(portionsOf(IDS.slice(0, 1_000))).toHaveLength(1);
});

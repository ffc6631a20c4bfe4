import { expect, test } from "vitest";
import { sampleRows } from "../src/imports/sample";

test("a sample file is of what there is, and on a working day ahead", () => {
  const [head, ...rows] = sampleRows({ today: "2026-11-28", service: "Haircut", minutes: 45, staff: "Ada" });
  expect(rows.map((row) => row.length)).toEqual([head?.length, head?.length]);
  expect(rows.map((row) => row.slice(3, 8))).toEqual([
    ["Haircut", "Ada", "2026-12-07", "10:00", "45"],
    ["Haircut", "Ada", "2026-12-07", "11:30", "45"],
  ]);
});

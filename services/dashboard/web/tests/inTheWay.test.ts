import { expect, test } from "vitest";
import { idsInTheWay } from "../src/api/inTheWay";

const [ONE, OTHER] = ["0198c0de-0000-7000-8000-000000000002", "0198c0de-0000-7000-8000-000000000001"];

test("of all that a refusal names, what took the time is looked up, each once", () => {
  const reasons = [
    { code: "slot_taken", conflicts_with: [ONE, OTHER] },
    { code: "slot_taken", conflicts_with: [ONE] },
    { code: "external_busy", conflicts_with: ["0198c0de-0000-7000-8000-000000000003"] },
    { code: "business_closed", conflicts_with: ["2026-12-25"] },
  ];
  expect(idsInTheWay(reasons)).toEqual([OTHER, ONE]);
});

test("a refusal that names nobody asks for nothing", () => {
  expect(idsInTheWay([{ code: "slot_taken" }, { code: "slot_taken", conflicts_with: ["the slot"] }])).toEqual([]);
});

import { expect, test } from "vitest";
import { amountOf } from "../src/appointments/amount";

test("an amount is taken with a point or a comma, and told apart from none and from what is no amount", () => {
  expect([" 45 ", "45,50", "0.125", "", "45.", "free", "-1"].map(amountOf)).toEqual(["45", "45.50", "0.125", null, undefined, undefined, undefined]);
});

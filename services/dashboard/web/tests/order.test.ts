import { expect, test } from "vitest";
import { type Counts, isOver, type Job, tallyOf } from "../src/messages/order";

const job = (status: string, more: Partial<Job> = {}): Job => ({ status, total: 10_000, succeeded: 9_000, refused: 1_000, ...more }) as Job;
const counts = (by_status: Counts["by_status"]): Counts => ({ by_status, total: Object.values(by_status).reduce((sum, count) => sum + (count ?? 0), 0) });

test("what is planned or being handed over is still to go, and so is what was not asked for yet", () => {
  const halfway = job("running", { succeeded: 400, refused: 100 });
  const told = counts({ planned: 300, claimed: 4, sent: 90, delivered: 5, unknown: 1 });
  expect(tallyOf(halfway, told)).toEqual({ sent: 96, left: 9_804, notSent: 0 });
  expect(isOver(halfway, told)).toBe(false);
});

test("all of it may be asked for long before all of it has gone", () => {
  const told = counts({ planned: 8_000, sent: 1_000 });
  expect(tallyOf(job("finished"), told)).toEqual({ sent: 1_000, left: 8_000, notSent: 0 });
  expect(isOver(job("finished"), told)).toBe(false);
});

test("what was asked for a moment ago is still to go before anything is told of it", () => {
  expect(tallyOf(job("finished"), counts({})).left).toBe(9_000);
  expect(tallyOf(job("finished", { succeeded: 0, refused: 10_000 }), counts({})).left).toBe(0);
});

test("of a cancelled order nothing is left that was not asked for", () => {
  const stopped = job("cancelled", { succeeded: 500, refused: 0 });
  expect(tallyOf(stopped, counts({ sent: 100, suppressed: 398, failed: 2 }))).toEqual({ sent: 100, left: 0, notSent: 400 });
  expect(isOver(stopped, counts({ sent: 100, suppressed: 400 }))).toBe(true);
  expect(isOver(stopped, counts({ sent: 100, planned: 400 }))).toBe(false);
});

test("an order that booking has forgotten has what the ledger knows of it", () => {
  const told = counts({ sent: 9_000, planned: 2 });
  expect(tallyOf(null, told)).toEqual({ sent: 9_000, left: 2, notSent: 0 });
  expect(isOver(null, told)).toBe(false);
});

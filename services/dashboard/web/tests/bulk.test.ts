import { afterEach, expect, test, vi } from "vitest";
import { doWithMany, idsThatMatch } from "../src/appointments/bulk";

const IDS = Array.from({ length: 250 }, (_, index) => `id-${index}`);

/** Booking, which does all that it is asked, and answers `answers` times. */
function booking(answers: number) {
  const asked: string[][] = [];
  vi.stubGlobal("fetch", async (_: string, request: RequestInit) => {
    const { ids } = JSON.parse(String(request.body)) as { ids: string[] };
    if (asked.length >= answers) throw new TypeError("no network");
    asked.push(ids);
    return new Response(JSON.stringify({ results: ids.map((id) => (id === "id-7" ? { id, ok: false, problem: { code: "invalid_transition", detail: "" } } : { id, ok: true })) }));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

test("many are done in portions, and each portion is told of when it is done", async () => {
  const asked = booking(Number.POSITIVE_INFINITY);
  const told: number[] = [];
  const outcome = await doWithMany("complete", IDS, {}, (done) => told.push(done));
  expect(asked.map((ids) => ids.length)).toEqual([100, 100, 50]);
  expect(told).toEqual([100, 200, 250]);
  expect(outcome).toMatchObject({ done: 249, left: [], error: null });
  expect(outcome.failed.map(({ id }) => id)).toEqual(["id-7"]);
});

test("what was done before a portion had no answer is told, and what was not reached", async () => {
  booking(1);
  const outcome = await doWithMany("complete", IDS, {}, () => undefined);
  expect(outcome).toMatchObject({ done: 99, left: IDS.slice(100) });
  expect(outcome.error).toBeInstanceOf(Error);
});

test("all that match are read to the end, with how many there are by then", async () => {
  const pages = [{ items: [{ id: "a" }, { id: "b" }], next_cursor: "1" }, { items: [{ id: "c" }] }];
  vi.stubGlobal("fetch", async (address: string) => new Response(JSON.stringify(pages[address.includes("cursor") ? 1 : 0])));
  const told: number[] = [];
  const ids = await idsThatMatch({ q: "Iris" }, (read) => told.push(read), new AbortController().signal);
  expect([[...ids], told]).toEqual([["a", "b", "c"], [2, 3]]);
});

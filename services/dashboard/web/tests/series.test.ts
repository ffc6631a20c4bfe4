import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { ProblemError } from "../src/api/client";
import { conflictBody, firstRule, isWhole, ruleBody } from "../src/appointments/recurrence";
import { type Series, cancelSeries, changeSeries, changedBy, clockText, countReached, dateOf, differences, leftOut, pageOf, reachOf, refusedOf, sayResults, staffedBy, standingInTheWay } from "../src/appointments/series";

const reasons = [{ code: "slot_taken", detail: "", conflicts_with: [] }];
type Given = { day: string; id?: string | null; status?: string | null; at?: string };
const occurrence = ({ day, id = `on-${day}`, status = id === null ? null : "scheduled", at = `${day}T09:00:00Z` }: Given) => ({
  occurs_on: day,
  starts_at: `${day}T09:00:00Z`,
  clock: "exact",
  outcome: id === null ? "skipped" : "booked",
  reasons: id === null ? reasons : [],
  appointment_id: id,
  appointment_starts_at: id === null ? null : at,
  appointment_status: status,
  moved_by_itself: false,
});
const seriesOf = (dates: Given[], more: object = {}) => ({ id: "s", version: 4, resource_ids: null, changes: [], occurrences: dates.map(occurrence), ...more }) as unknown as Series;
const fourth = seriesOf([{ day: "2026-12-01", status: "completed" }, { day: "2026-12-08" }, { day: "2026-12-15", id: null }, { day: "2026-12-22", id: "moved", at: "2026-12-23T10:00:00Z" }, { day: "2026-12-29" }]);
const at = Date.parse("2026-12-02T00:00:00Z");
const change = (occurs_on: string, result: string, appointment_id: string | null = null) => ({ occurs_on, result, appointment_id, reasons: result === "skipped" ? reasons : [] });
const t = ((key: string) => key.split(".").at(-1)) as never;

afterEach(() => vi.unstubAllGlobals());

test("what is in reach are open dates that are still to come, from the one that is meant on", () => {
  expect(dateOf(fourth, "moved")).toBe("2026-12-22");
  expect(dateOf(fourth, "nobody")).toBeNull();
  expect(countReached(fourth, reachOf("all", null), at)).toBe(3);
  expect(countReached(fourth, reachOf("following", "2026-12-22"), at)).toBe(2);
});

test("of a date that is not known, never all dates are meant", () => {
  expect(reachOf("following", null)).toEqual({ scope: "following", occurs_on: null });
  expect(reachOf("all", "2026-12-22")).toEqual({ scope: "all" });
});

test("a change goes upon the version that is shown, with the key of its attempt, and says which dates it is for", async () => {
  const sent: { address: string; method?: string; headers: Headers; body: unknown }[] = [];
  vi.stubGlobal("fetch", async (address: string, { method, headers, body }: RequestInit) => {
    sent.push({ address, method, headers: new Headers(headers), body: JSON.parse(String(body)) });
    return new Response(JSON.stringify({ ...fourth, version: 5 }));
  });
  const client = new QueryClient();
  await changeSeries(client, fourth, reachOf("following", "2026-12-22"), { local_time: "10:30" }, { on_conflict: "skip" }, "one");
  await cancelSeries(client, fourth, reachOf("all", null), { reason: "We are closed", notify: false }, "two");
  expect(sent.map(({ address, method, body }) => [method, address, body])).toEqual([
    ["PATCH", "/api/booking/v1/series/s", { scope: "following", occurs_on: "2026-12-22", local_time: "10:30", on_conflict: "skip" }],
    ["POST", "/api/booking/v1/series/s/cancel", { scope: "all", reason: "We are closed", notify: false }],
  ]);
  expect(sent.map(({ headers }) => [headers.get("If-Match"), headers.get("Idempotency-Key")])).toEqual([['"4"', "one"], ['"4"', "two"]]);
  expect(client.getQueryData(["appointments", "series", "s"])).toMatchObject({ version: 5 });
});

test("only what was changed here is sent, whatever another desk has changed since", () => {
  const begun = { time: "09:00", minutes: "30", staff: "ada" };
  const named = (staff: string) => [staff];
  expect(differences(begun, { ...begun, clock: "09:00" }, named)).toEqual({});
  expect(differences(begun, { ...begun, time: "half past", clock: null }, named)).toEqual({});
  expect(differences(begun, { ...begun, clock: "21:30" }, named)).toEqual({ local_time: "21:30" });
  expect(differences(begun, { ...begun, minutes: "45", staff: "ben", clock: "09:00" }, named)).toEqual({ duration_minutes: 45, resource_ids: ["ben"] });
  expect(clockText(9 * 60 + 5)).toBe("09:05");
});

test("another member of staff leaves the rooms as they are", () => {
  const staff = new Set(["ada", "ben"]);
  expect(staffedBy({ ...fourth, resource_ids: ["room", "ada"] }, staff, "ben")).toEqual(["room", "ben"]);
  expect(staffedBy(fourth, staff, "ben")).toEqual(["ben"]);
});

test("the report says how many, and names the dates that were not to be had with their reasons", () => {
  const done = { ...fourth, changes: ["moved", "moved", "skipped", "kept"].map((result, day) => change(`2026-12-0${day + 1}`, result)) } as Series;
  expect(sayResults(t, done)).toBe("moved: 2 · kept: 1 · skipped: 1");
  expect(refusedOf(done)).toMatchObject([{ occurs_on: "2026-12-03", reasons }]);
  expect(leftOut(fourth)).toMatchObject([{ occurs_on: "2026-12-15", reasons }]);
});

test("what stands in the way of all or nothing is told by date, and is nothing of another error", () => {
  const problem = { title: "", status: 409, detail: "", code: "series_conflicts", trace_id: null, occurrences: [{ occurs_on: "2026-12-15", reasons: [] }] };
  expect(standingInTheWay(new ProblemError(problem))).toEqual([{ occurs_on: "2026-12-15", reasons: [] }]);
  expect(standingInTheWay(new ProblemError({ ...problem, occurrences: undefined } as never))).toEqual([]);
  expect(standingInTheWay(new TypeError())).toEqual([]);
});

test("appointments that were moved are read anew, before and after, and those that stayed are not", () => {
  expect(changedBy(fourth, { ...fourth, changes: [change("2026-12-08", "moved", "new"), change("2026-12-15", "booked", "late"), change("2026-12-29", "kept", "on-2026-12-29")] } as Series)).toEqual(["new", "on-2026-12-08", "late"]);
});

test("all dates are there by pages, and first those around the one that is shown", () => {
  const many = seriesOf(Array.from({ length: 30 }, (_, day) => ({ day: `2027-01-${String(day + 1).padStart(2, "0")}` }))).occurrences;
  const current = { id: "on-2027-01-15", starts_at: "2027-01-15T09:00:00Z" };
  const shown = pageOf(many, 12, current, null);
  expect([shown.number, shown.pages, shown.items[0]?.occurs_on, shown.items.length]).toEqual([1, 3, "2027-01-13", 12]);
  expect(pageOf(many, 12, { ...current, id: "before it was moved" }, null).number).toBe(1);
  expect(pageOf(many, 12, current, 2).items.map(({ occurs_on }) => occurs_on.slice(-2))).toEqual(["25", "26", "27", "28", "29", "30"]);
  expect(pageOf(many.slice(0, 5), 12, current, 2)).toMatchObject({ number: 0, pages: 1 });
  expect(pageOf([], 12, current, null)).toEqual({ items: [], number: 0, pages: 1 });
});

test("a new series ends after a number, on a day, or never", () => {
  const rule = firstRule("weekly", "2026-12-01", 1);
  expect(ruleBody(rule)).toEqual({ freq: "weekly", interval: 1, weekdays: [1], count: 10 });
  expect(ruleBody({ ...rule, end: "until", until: "2027-02-01" })).toEqual({ freq: "weekly", interval: 1, weekdays: [1], until: "2027-02-01" });
  expect(ruleBody({ ...rule, freq: "monthly", end: "never" })).toEqual({ freq: "monthly", interval: 1 });
  expect([isWhole({ ...rule, end: "until", until: "2026-11-30" }, "2026-12-01"), isWhole({ ...rule, end: "until", until: "" }, "2026-12-01"), isWhole({ ...rule, end: "until" }, "2026-12-01"), isWhole(rule, "2026-12-01")]).toEqual([false, false, true, true]);
});

test("what becomes of dates that are not free is as chosen, and with a reason they are taken", () => {
  const rule = firstRule("weekly", "2026-12-01", 1);
  expect(conflictBody(rule, undefined)).toEqual({ on_conflict: "skip" });
  expect(conflictBody({ ...rule, onConflict: "fail" }, undefined)).toEqual({ on_conflict: "fail" });
  expect(conflictBody(rule, "Squeezed in")).toEqual({ on_conflict: "override" });
});

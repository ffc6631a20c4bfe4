import { afterEach, expect, test, vi } from "vitest";
import { ProblemError } from "../src/api/client";
import { defaultReminders, giveReminders } from "../src/messages/reminders";

const rule = (more: object) => ({ business_id: null, service_id: null, channel: "email" as const, minutes_before: 60, by_clock: false, template_id: null, enabled: true, ...more });
const minutes = (rules: ReturnType<typeof rule>[], service: string | null = "cut") => defaultReminders(rules, service, "nord").map((reminder) => reminder.minutes_before);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("the closest level that has a rule decides alone, even where all its rules are switched off", () => {
  const all = [rule({}), rule({ minutes_before: 1440, business_id: "nord" }), rule({ minutes_before: 30, business_id: "sued" })];
  expect(minutes(all)).toEqual([1440]);
  expect(minutes([...all, rule({ minutes_before: 15, business_id: "nord", service_id: "cut" })])).toEqual([15]);
  expect(minutes([...all, rule({ service_id: "cut", enabled: false })])).toEqual([]);
  expect(minutes([...all, rule({ minutes_before: 15, service_id: "cut" })], null)).toEqual([1440]);
});

test("the longest before comes first", () => expect(minutes([rule({}), rule({ minutes_before: 120 })])).toEqual([120, 60]));

const answers = (...statuses: number[]) => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address);
    const status = statuses.shift() ?? 200;
    return new Response(JSON.stringify(status === 200 ? { items: [] } : { code: "not_found", detail: "", title: "", status, trace_id: null }), { status });
  });
  return asked;
};

test("reminders of what is not known there yet are given once it is", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 100 });
  const asked = answers(404, 404);
  await giveReminders("one", []);
  expect(asked).toHaveLength(3);
});

test("what refuses them is not asked again", async () => {
  const asked = answers(409);
  await expect(giveReminders("one", [])).rejects.toBeInstanceOf(ProblemError);
  expect(asked).toHaveLength(1);
});

import { expect, test } from "vitest";
import { factsOf } from "../src/setup/monthDays";
import { Clock } from "../src/time";

const clock = new Clock("en-GB", "Europe/Berlin");
const nine = [{ from: "09:00", to: "17:00" }];
const late = [{ from: "12:00", to: "20:00" }];
const MONDAYS = { weekly: [{ weekday: 0, intervals: nine }], date_overrides: [], absences: [], holidays: [] };
const FOLLOWS = { ...MONDAYS, weekly: null };
const override = (on: string, intervals: typeof nine) => ({ id: on, on, intervals });
const away = (starts_at: string, ends_at: string, reason: string | null = null) => ({ id: starts_at, starts_at, ends_at, reason });
const kind = (own: object, business: object | null = null, day = "2026-12-07") => factsOf(day, { ...FOLLOWS, ...own }, business && { ...MONDAYS, ...business }, clock).kind;

test("a date has its weekday's hours, of the business where the person has none", () => {
  expect(factsOf("2026-12-07", FOLLOWS, MONDAYS, clock)).toEqual({ kind: "open", intervals: nine, notes: [] });
  expect(kind({}, {}, "2026-12-08")).toBe("closed");
});

test("other hours of the business count for those alone who follow it", () => {
  const business = { date_overrides: [override("2026-12-07", late)] };
  expect(kind({}, business)).toBe("other");
  expect(kind({ weekly: MONDAYS.weekly }, business)).toBe("open");
  expect(kind({ date_overrides: [override("2026-12-07", [])] }, business)).toBe("closed");
});

test("a whole date off is told from a part of it, and closures are everybody's", () => {
  expect(kind({ absences: [away("2026-12-06T23:00:00Z", "2026-12-07T23:00:00Z")] }, {})).toBe("off");
  expect(kind({ absences: [away("2026-12-07T08:00:00Z", "2026-12-07T10:00:00Z")] }, {})).toBe("partly");
  expect(factsOf("2026-12-07", FOLLOWS, { ...MONDAYS, absences: [away("2026-12-01T00:00:00Z", "2026-12-20T00:00:00Z", "Works")] }, clock)).toEqual({ kind: "off", intervals: [], notes: ["Works"] });
});

test("a holiday closes, unless hours are set for it", () => {
  const holidays = [{ on: "2026-12-07", name: "Feast" }];
  expect(kind({}, { holidays })).toBe("holiday");
  expect(kind({}, { holidays, date_overrides: [override("2026-12-07", late)] })).toBe("other");
  expect(kind({}, { holidays, date_overrides: [override("2026-12-07", [])] })).toBe("holiday");
});

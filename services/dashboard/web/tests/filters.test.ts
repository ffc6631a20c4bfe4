import { expect, test } from "vitest";
import { daysOf, queryOf, readSearch, narrowingsOf } from "../src/appointments/filters";
import { Clock } from "../src/time";

const ID = "018f3a5e-0000-7000-8000-000000000001";

test("an address is read back as the filters it was made of", () => {
  const search = { status: ["pending", "confirmed"], q: "O'Brien & Söhne +49 50%", staff: [ID], period: "week" };
  expect(readSearch(search)).toEqual(search);
});

test("that several are selected is read from an address, and filters nothing", () => {
  expect(readSearch({ selecting: "true" })).toEqual({ selecting: true });
  expect(readSearch({ selecting: "false" })).toEqual({});
  expect(queryOf({ selecting: true }, new Clock("en", "UTC"), "2026-11-28")).toEqual(queryOf({}, new Clock("en", "UTC"), "2026-11-28"));
});

test("what is no filter is named and filters nothing", () => {
  expect(readSearch({ status: "bogus", from: "2027-02-30", stauts: "pending" })).toEqual({
    wrong: ["stauts", "status=bogus", "from=2027-02-30"],
  });
});

test("the list opens on today", () => {
  expect(daysOf({}, "2026-11-28", 0)).toEqual({ from: "2026-11-28", to: "2026-11-29" });
});

test("this week begins where the reader's weeks begin", () => {
  expect(daysOf({ period: "week" }, "2026-11-28", 0)).toEqual({ from: "2026-11-23", to: "2026-11-30" });
  expect(daysOf({ period: "week" }, "2026-11-28", 6)).toEqual({ from: "2026-11-22", to: "2026-11-29" });
  const query = queryOf({ period: "week" }, new Clock("en-US", "UTC"), "2026-11-28");
  expect([query.from, query.to]).toEqual(["2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"]);
});

test("a day is the business's day", () => {
  const query = queryOf({ period: "today" }, new Clock("en", "America/St_Johns"), "2027-06-14");
  expect([query.from, query.to]).toEqual(["2027-06-14T02:30:00Z", "2027-06-15T02:30:00Z"]);
});

test("the last of chosen dates is part of them", () => {
  expect(daysOf({ from: "2026-11-01", to: "2026-11-30" }, "2026-11-28", 0)).toEqual({ from: "2026-11-01", to: "2026-12-01" });
});

test("each filter can be left out by itself, and so can the day that the list opens on", () => {
  const search = { status: ["pending"], staff: [ID], q: "Ann", sort: "client", appointment: ID } as const;
  const narrowings = narrowingsOf(readSearch(search));
  expect(narrowings.map(({ name }) => name)).toEqual(["q", "status", "staff", "period"]);
  expect(narrowings[1]?.without).toMatchObject({ q: "Ann", staff: [ID], status: undefined });
  expect(narrowings[3]?.without).toMatchObject({ q: "Ann", period: "all" });
  expect(narrowingsOf({ period: "all" })).toEqual([]);
});

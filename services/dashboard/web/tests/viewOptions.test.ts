import { describe, expect, it } from "vitest";
import { readStaff } from "../src/calendar/rememberedStaff";
import { huesOf } from "../src/calendar/useHues";
import { shownSpan } from "../src/calendar/shownHours";
import type { Column } from "../src/calendar/TimeGrid";
import { USUAL, ZOOMS, linesIn, readOptions, withHour, within } from "../src/calendar/viewOptions";
import type { Service } from "../src/api/catalogue";
import { Clock } from "../src/time";

const HOUR = 60;
const clock = new Clock("en-GB", "Europe/Berlin");
const span = (from: number, to: number) => ({ from: from * HOUR, to: to * HOUR });
const column = (more: Partial<Column> = {}): Column => ({ id: "ada", title: "Ada", detail: "", day: "2026-11-23", resourceId: "ada", person: true, resourceName: "Ada", empty: null, open: [span(9, 13), span(14, 18)], blocks: [], appointments: [], ...more });
const booked = (from: string, to: string) => ({ id: from, starts_at: `${from}:00Z`, ends_at: `${to}:00Z` }) as unknown as Column["appointments"][number];
const working = { hours: "working", from: 8, to: 18 } as const;
const chosen = { hours: "chosen", from: 10, to: 12 } as const;

describe("what a browser remembers", () => {
  it("is read back as it was written", () => {
    const options = { zoom: ZOOMS[0], hours: "chosen", from: 7, to: 21, colour: "service", onlyWorking: true } as const;
    expect(readOptions(JSON.stringify(options))).toEqual(options);
  });

  it.each([null, "", "{", "null", "[]", "7", '"zoom"', '{"zoom":1e9,"hours":"some","from":20,"to":3,"colour":"red"}', '{"from":8.5,"to":18}', '{"from":-1,"to":25}'])("is as usual where it makes no sense: %s", (kept) => {
    expect(readOptions(kept)).toEqual(USUAL);
  });

  it("keeps what makes sense beside what does not", () => {
    expect(readOptions('{"zoom":2.2,"hours":"working","from":"x"}')).toEqual({ ...USUAL, zoom: 2.2, hours: "working" });
  });
});

describe("chosen hours", () => {
  it("are an hour at least: the other end gives way", () => {
    expect(withHour({ ...USUAL, from: 8, to: 10 }, "from", 14)).toMatchObject({ hours: "chosen", from: 14, to: 15 });
    expect(withHour({ ...USUAL, from: 8, to: 10 }, "to", 6)).toMatchObject({ from: 5, to: 6 });
    expect(withHour({ ...USUAL, from: 8, to: 10 }, "to", 24)).toMatchObject({ from: 8, to: 24 });
  });
});

describe("the hours that are drawn", () => {
  it("are the whole day, also where that has 25 hours", () => {
    expect(shownSpan({ ...chosen, hours: "all" }, [column()], clock)).toEqual(span(0, 24));
    expect(shownSpan({ ...chosen, hours: "all" }, [column({ day: "2026-10-25" })], clock)).toEqual(span(0, 25));
  });

  it("are those in which anybody works, in full hours", () => {
    const early = column({ open: [{ from: 7 * HOUR + 30, to: 12 * HOUR + 15 }] });
    expect(shownSpan(working, [column(), early], clock)).toEqual(span(7, 18));
  });

  it("grow to whatever is booked or held outside", () => {
    const late = column({ appointments: [booked("2026-11-23T18:30", "2026-11-23T19:10")] });
    expect(shownSpan(working, [late], clock)).toEqual(span(9, 21));
    const held = column({ blocks: [{ ...span(5, 6), kind: "hold", name: "" }] });
    expect(shownSpan(chosen, [held], clock)).toEqual(span(5, 12));
    const night = column({ appointments: [booked("2026-11-23T22:00", "2026-11-24T01:00")] });
    expect(shownSpan(chosen, [night], clock)).toEqual(span(10, 24));
  });

  it("are the whole day where nobody works and nothing is booked", () => {
    expect(shownSpan(working, [column({ open: [] })], clock)).toEqual(span(0, 24));
  });

  it("are by the clock on a day when it changes", () => {
    const spring = column({ day: "2026-03-29" });
    expect(shownSpan(chosen, [spring], clock)).toEqual(span(9, 11));
    const autumn = column({ day: "2026-10-25" });
    expect(shownSpan(chosen, [autumn], clock)).toEqual(span(11, 13));
    expect(shownSpan({ ...chosen, to: 24 }, [autumn], clock)).toEqual(span(11, 25));
  });
});

it("cuts off what reaches out of the hours that are drawn", () => {
  expect(within(span(0, 10), span(9, 18))).toEqual(span(9, 10));
  expect(within(span(0, 9), span(9, 18))).toBeNull();
});

it("writes as many lines on a card as it has room for, at any zoom", () => {
  const lines = (minutes: number, zoom: number) => linesIn(minutes * zoom);
  expect([15, 20, 30, 45].map((minutes) => lines(minutes, USUAL.zoom))).toEqual([0, 1, 2, 3]);
  expect([15, 20, 30, 45].map((minutes) => lines(minutes, 0.7))).toEqual([0, 0, 0, 1]);
  expect([15, 20, 30, 45].map((minutes) => lines(minutes, 3.5))).toEqual([2, 3, 3, 3]);
});

it("gives each service a colour that a newer one does not take away", () => {
  const service = (id: string, created_at: string) => ({ id, created_at }) as Service;
  const first = [service("b", "2026-01-02"), service("a", "2026-01-01"), service("c", "2026-01-02")];
  const hues = (services: Service[]) => Object.fromEntries(huesOf(services).map(({ service: { id }, hue }) => [id, hue]));
  expect(hues(first)).toEqual({ a: 0, b: 1, c: 2 });
  expect(hues([service("z", "2026-02-01"), ...first])).toMatchObject({ a: 0, b: 1, c: 2, z: 3 });
});

it("opens with those who were chosen last, and with everybody where that cannot be read", () => {
  expect(readStaff('["ada","ben"]')).toEqual(["ada", "ben"]);
  for (const kept of [null, "", "[]", "[1]", '"ada"', "{}"]) expect(readStaff(kept)).toBeUndefined();
});

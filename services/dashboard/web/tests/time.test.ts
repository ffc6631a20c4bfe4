import { describe, expect, test } from "vitest";
import { Clock, atClock, countdown, dayOf, firstWeekdayByRegion, firstWeekdayOf, inZone, instantOf, isoOf, lengthOfDay, minutesInto, parseTypedTime, sameClockOn, startOfDay, startOfWeek, weekdaysFrom } from "../src/time";

describe("a typed time", () => {
  test.each([
    ["9", 540],
    ["930", 570],
    ["9.30", 570],
    ["9:30", 570],
    ["٩:٣٠", 570],
    ["۹:۳۰", 570],
    ["9.30 pm", 1290],
    ["930p", 1290],
    ["2130", 1290],
    ["noon", 720],
    ["12 pm", 720],
    ["12", 720],
    ["12am", 0],
    ["midnight", 0],
    ["0:05", 5],
  ])("%s is understood", (text, minutes) => expect(parseTypedTime(text)).toBe(minutes));

  test.each(["9:60", "25", "13pm", "", "half past", "9:3", "0 am", "12345"])("%s is not", (text) => expect(parseTypedTime(text)).toBeNull());

  test("that the clock skips names the next, one it shows twice both", () => {
    expect(atClock("2027-03-28", 150, "Europe/Berlin")).toEqual({ kind: "skipped", next: instantOf("2027-03-28T03:00:00+02:00") });
    expect(atClock("2027-10-31", 150, "Europe/Berlin")).toEqual({
      kind: "twice",
      instants: [instantOf("2027-10-31T02:30:00+02:00"), instantOf("2027-10-31T02:30:00+01:00")],
    });
    expect(atClock("2027-10-31", 540, "Europe/Berlin")).toEqual({ kind: "exact", instant: instantOf("2027-10-31T09:00:00+01:00") });
  });
});

describe("days of a clock change", () => {
  test.each([
    ["2027-03-28", "Europe/Berlin", 1380],
    ["2027-10-31", "Europe/Berlin", 1500],
    ["2027-04-04", "Australia/Lord_Howe", 1470],
    ["2027-10-03", "Australia/Lord_Howe", 1410],
  ])("%s in %s has %i minutes", (day, zone, minutes) => expect(lengthOfDay(day, zone)).toBe(minutes));

  test.each([
    ["2027-03-28T01:30:00+01:00", "2027-03-28", "Europe/Berlin", 90],
    ["2027-03-28T03:00:00+02:00", "2027-03-28", "Europe/Berlin", 120],
    ["2027-10-31T02:30:00+02:00", "2027-10-31", "Europe/Berlin", 150],
    ["2027-10-31T02:30:00+01:00", "2027-10-31", "Europe/Berlin", 210],
    ["2027-10-31T01:15:00Z", "2027-10-31", "Europe/Berlin", 195],
    ["2027-04-04T01:30:00+10:30", "2027-04-04", "Australia/Lord_Howe", 120],
    ["2027-10-03T02:30:00+11:00", "2027-10-03", "Australia/Lord_Howe", 120],
  ])("%s lies %i minutes into the day", (instant, day, zone, minutes) => expect(minutesInto(instantOf(instant), day, zone)).toBe(minutes));
});

test("the day of an instant is the business's, wherever the browser stands", () => {
  expect(dayOf(instantOf("2027-06-14T23:00:00Z"), "America/St_Johns")).toBe("2027-06-14");
  expect(isoOf(startOfDay("2027-06-14", "America/St_Johns"))).toBe("2027-06-14T02:30:00Z");
  expect(minutesInto(instantOf("2027-06-14T23:00:00Z"), "2027-06-14", "America/St_Johns")).toBe(1230);
});

test("the same clock time on a day that skips it moves on", () => {
  expect(isoOf(sameClockOn(instantOf("2027-03-27T02:30:00+01:00"), "2027-03-28", "Europe/Berlin"))).toBe("2027-03-28T01:30:00Z");
});

test("a week begins on the day asked for", () => {
  expect(startOfWeek("2026-11-28")).toBe("2026-11-23");
  expect(startOfWeek("2026-11-28", 6)).toBe("2026-11-22");
});

const [MONDAY, SATURDAY, SUNDAY] = [0, 5, 6];

describe("the first day of a week", () => {
  test.each([
    ["en-DE", MONDAY],
    ["en-GB", MONDAY],
    ["en-US", SUNDAY],
    ["fr-CA", SUNDAY],
    ["fr", MONDAY],
    ["es-MX", SUNDAY],
    ["ar-EG", SATURDAY],
    ["ar-AE", MONDAY],
    ["ar-SA", SUNDAY],
  ])("is that of the place: %s", (locale, weekday) => {
    expect(firstWeekdayOf(locale)).toBe(weekday);
    expect(firstWeekdayByRegion(locale)).toBe(weekday);
  });

  test("is the same by our table as by Intl, in every region that there is", () => {
    const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
    const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
    const regions = letters.flatMap((first) => letters.map((second) => first + second)).filter((region) => region !== "ZZ" && names.of(region));
    expect(regions.length).toBeGreaterThan(240);
    expect(regions.filter((region) => firstWeekdayOf(`en-${region}`) !== firstWeekdayByRegion(`en-${region}`))).toEqual([]);
  });

  test("orders the weekdays and begins the week that is shown", () => {
    expect(weekdaysFrom(SATURDAY)).toEqual([5, 6, 0, 1, 2, 3, 4]);
    const clock = new Clock("ar-EG", "Africa/Cairo");
    expect(startOfWeek("2026-11-27", clock.firstWeekday)).toBe("2026-11-21");
    expect(startOfWeek("2026-11-28", clock.firstWeekday)).toBe("2026-11-28");
  });
});

test("what is left is counted down in minutes and seconds, and stops at nothing", () => {
  expect([245_000, 60_001, 59_000, 400, 0, -5_000].map(countdown)).toEqual(["4:05", "1:01", "0:59", "0:01", "0:00", "0:00"]);
});

test("the day of an instant is what the zone's clock says, around every change of it", () => {
  const zones = ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "Australia/Lord_Howe", "America/Sao_Paulo"];
  for (const zone of zones) {
    for (let instant = instantOf("2011-12-20T00:00:00Z"), step = 0; step < 4_000; step += 1, instant += 5 * 3_600_000 + 59_000) {
      const local = inZone(instant, zone);
      expect(dayOf(instant, zone), `${isoOf(instant)} in ${zone}`).toBe(`${local.year}-${String(local.month).padStart(2, "0")}-${String(local.day).padStart(2, "0")}`);
    }
  }
});

import { expect, test } from "vitest";
import { csvOf, defused } from "../src/reports/csv";
import { figuresOf, utilisationOf } from "../src/reports/figures";
import { nameOf } from "../src/reports/names";

test.each(["=HYPERLINK(\"https://evil.example\")", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", "\t=1+1", "'=1+1"])("a name that a spreadsheet would run is quoted in the file: %s", (name) => {
  expect(defused(name)).toBe(`'${name}`);
  expect(csvOf([["1", name]])).toBe(`"1","'${name.replaceAll('"', '""')}"`);
});

test.each(["Iris Berg", "-3.5", "+49 30 555-02", "0.25", "", "O'Hara", "12/2"])("what is no formula stays as it is: %s", (text) => {
  expect(defused(text)).toBe(text);
});

test("rows and cells of a file are parted as spreadsheets read them", () => {
  expect(csvOf([["Name", "No-shows"], ["Berg, \"Iris\"", "2"]])).toBe('"Name","No-shows"\r\n"Berg, ""Iris""","2"');
});

test("a report's numbers are said first: its totals, by currency where they are money", () => {
  expect(figuresOf("no-shows", [{ key: "b", no_shows: 3, completed: 9, rate: 0.25 }])).toEqual([{ column: "rate", value: 0.25 }, { column: "no_shows", value: 3 }, { column: "completed", value: 9 }]);
  expect(figuresOf("revenue", [{ currency: "EUR", earned: "10.50", expected: "0", lost: "3" }])).toEqual([
    { column: "earned", value: 10.5, currency: "EUR" },
    { column: "expected", value: 0, currency: "EUR" },
    { column: "lost", value: 3, currency: "EUR" },
  ]);
  expect(figuresOf("volume", [])).toEqual([]);
});

test("utilisation as a whole is that of the staff, and of nobody who is not open there is none", () => {
  const lines = [{ kind: "staff", open_minutes: 100, booked_minutes: 25 }, { kind: "staff", open_minutes: 100, booked_minutes: 75 }, { kind: "room", open_minutes: 900, booked_minutes: 0 }];
  expect(utilisationOf(lines)).toEqual([{ column: "rate", value: 0.5 }, { column: "booked_minutes", value: 100 }, { column: "open_minutes", value: 200 }]);
  expect(utilisationOf([{ kind: "room", open_minutes: 0, booked_minutes: 0 }])).toEqual([{ column: "booked_minutes", value: 0 }, { column: "open_minutes", value: 0 }]);
});

test("an hour of a weekday has a name in the table below the map", () => {
  expect(nameOf("weekday_hour", "0-09", "en")).toBe("Monday, 9 AM");
});

import { describe, expect, test } from "vitest";
import { gapsBetween, hourLabels, lanesOf, movedStart, obstaclesIn, partIn } from "../src/calendar/layout";
import { instantOf, isoOf } from "../src/time";

const at = (clock: string) => {
  const [hour = 0, minute = 0] = clock.split(":").map(Number);
  return hour * 60 + minute;
};
const card = (id: string, from: string, to: string) => ({ id, from: at(from), to: at(to) });

describe("cards of one column", () => {
  test("stand side by side where they overlap, and at full width where they only touch", () => {
    const places = lanesOf([
      card("A", "9:00", "10:30"),
      card("B", "9:15", "9:45"),
      card("C", "9:45", "10:15"),
      card("D", "10:15", "11:00"),
      card("E", "11:00", "11:30"),
    ]);
    expect(Object.fromEntries(places)).toEqual({
      A: { lane: 0, lanes: 2 },
      B: { lane: 1, lanes: 2 },
      C: { lane: 1, lanes: 2 },
      D: { lane: 1, lanes: 2 },
      E: { lane: 0, lanes: 1 },
    });
  });

  test("six short ones in a row are not taken for overlapping", () => {
    const cards = Array.from({ length: 6 }, (_, index) => ({ id: `${index}`, from: 780 + index * 5, to: 785 + index * 5 }));
    expect([...lanesOf(cards).values()]).toEqual(cards.map(() => ({ lane: 0, lanes: 1 })));
  });
});

describe("a stretch of time in a day", () => {
  const zone = "Europe/Berlin";
  test("is cut at midnight, on both days", () => {
    const [from, to] = [instantOf("2027-05-12T23:55:00+02:00"), instantOf("2027-05-13T00:05:00+02:00")];
    expect(partIn("2027-05-12", zone, from, to)).toEqual({ from: 1435, to: 1440 });
    expect(partIn("2027-05-13", zone, from, to)).toEqual({ from: 0, to: 5 });
    expect(partIn("2027-05-14", zone, from, to)).toBeNull();
  });

  test("that lasts for days fills them, and touches none after", () => {
    const [from, to] = [instantOf("2027-05-10T12:00:00+02:00"), instantOf("2027-05-12T00:00:00+02:00")];
    expect(partIn("2027-05-10", zone, from, to)).toEqual({ from: 720, to: 1440 });
    expect(partIn("2027-05-11", zone, from, to)).toEqual({ from: 0, to: 1440 });
    expect(partIn("2027-05-12", zone, from, to)).toBeNull();
  });
});

describe("labels of the axis", () => {
  test("leave out the hour the clock skips", () => {
    const labels = hourLabels("2027-03-28", "Europe/Berlin");
    expect(labels).toHaveLength(23);
    expect(labels.map((label) => label.hour)).not.toContain(2);
    expect(labels.find((label) => label.hour === 9)?.at).toBe(480);
  });

  test("show the repeated hour twice, marked", () => {
    const repeated = hourLabels("2027-10-31", "Europe/Berlin").filter((label) => label.repeated);
    expect(repeated.map((label) => [label.hour, label.at])).toEqual([
      [2, 120],
      [2, 180],
    ]);
  });

  test("follow a change of half an hour", () => {
    expect(hourLabels("2027-04-04", "Australia/Lord_Howe").find((label) => label.hour === 9)?.at).toBe(570);
    expect(hourLabels("2027-10-03", "Australia/Lord_Howe").find((label) => label.hour === 9)?.at).toBe(510);
  });
});

describe("moving a card", () => {
  const zone = "Europe/Berlin";
  test("to another day keeps the clock time over a clock change", () => {
    const start = instantOf("2027-03-27T10:00:00+01:00");
    expect(isoOf(movedStart(start, 0, "2027-03-27", "2027-03-28", zone))).toBe("2027-03-28T08:00:00Z");
  });

  test("by its part on the next day moves the whole of it", () => {
    const start = instantOf("2027-05-12T23:30:00+02:00");
    expect(isoOf(movedStart(start, 15, "2027-05-13", "2027-05-13", zone))).toBe("2027-05-12T21:45:00Z");
  });

  test("by quarter hours passes through the repeated hour without a jump", () => {
    const starts = [15, 30, 45, 60, 75].map((minutes) =>
      isoOf(movedStart(instantOf("2027-10-31T02:45:00+02:00"), minutes, "2027-10-31", "2027-10-31", zone)),
    );
    expect(starts).toEqual(["01:00", "01:15", "01:30", "01:45", "02:00"].map((clock) => `2027-10-31T${clock}:00Z`));
  });
});

test("closed time is what lies between the opening hours", () => {
  expect(gapsBetween([{ from: 540, to: 720 }, { from: 780, to: 1020 }], { from: 0, to: 1440 })).toEqual([
    { from: 0, to: 540 },
    { from: 720, to: 780 },
    { from: 1020, to: 1440 },
  ]);
});

test("what is in the way leaves out what only touches, and the card itself", () => {
  const obstacles = [
    { from: 540, to: 570, kind: "appointment" as const, name: "A", id: "a" },
    { from: 570, to: 600, kind: "appointment" as const, name: "B", id: "b" },
  ];
  expect(obstaclesIn({ from: 550, to: 570 }, obstacles).map((obstacle) => obstacle.name)).toEqual(["A"]);
  expect(obstaclesIn({ from: 550, to: 570 }, obstacles, "a")).toEqual([]);
});

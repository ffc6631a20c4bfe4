import { describe, expect, test } from "vitest";
import { pulled } from "../src/calendar/layout";
import { type Days, firstMinute, intervalsOf, isOpen, openOn, readHours, readWeek, sayHours, saySpans, withSpan, without } from "../src/setup/hours";

const span = (from: number, to: number) => ({ from: from * 60, to: to * 60 });
const week = (...days: Days): Days => Array.from({ length: 7 }, (_, day) => days[day] ?? []);

describe("typed hours", () => {
  test("are read in any order and say themselves again", () => {
    expect(readHours("13-17.30, 9-12")).toEqual([span(9, 12), span(13, 17.5)]);
    expect(saySpans([span(9, 12), span(13, 17.5)])).toBe("09:00–12:00, 13:00–17:30");
    expect(readHours(saySpans([span(0, 24)]))).toEqual([span(0, 24)]);
    expect(intervalsOf([span(17, 24)])).toEqual([{ from: "17:00", to: "24:00" }]);
    expect(readHours("  ")).toEqual([]);
  });

  test("that overlap are told from what is no time", () => {
    expect(readHours("9-12, 11-13")).toBe("overlap");
    expect(readHours("9-12, 12-13")).toEqual([span(9, 12), span(12, 13)]);
    for (const text of ["nine", "9", "9-10-11", "22-2", "9-9", "9-17+1", "9-5", "22-2+2", "+1", "-", "9-25", "9-12\0"]) expect([text, readHours(text)]).toEqual([text, "wrong"]);
  });
});

describe("hours over midnight", () => {
  const night = { from: 22 * 60, to: 26 * 60 };

  test("are typed with +1, and say and send themselves so that they are read again", () => {
    expect(readHours("22-2+1")).toEqual([night]);
    expect(readHours("9-12, 22:00–02:00 +1")).toEqual([span(9, 12), night]);
    expect(intervalsOf([night])).toEqual([{ from: "22:00", to: "02:00" }]);
    for (const [from, to] of [["22:00", "02:00"], ["09:00", "09:00"], ["18:00", "24:00"], ["00:00", "24:00"], ["23:59", "00:01"]] as const) {
      const hours = readHours(sayHours([{ from, to }]));
      expect(hours === "wrong" || hours === "overlap" ? hours : intervalsOf(hours)).toEqual([{ from, to }]);
    }
    expect(intervalsOf(readHours(sayHours([{ from: "18:00", to: "00:00" }])) as never)).toEqual([{ from: "18:00", to: "24:00" }]);
  });

  test("overlap what opens before they end on the next day, from Sunday to Monday as well", () => {
    expect(readWeek(["22-2+1", "1-5", "", "", "", "", ""])[0]).toBe("overlap");
    expect(readWeek(["22-2+1", "2-5", "", "", "", "", ""])[0]).toEqual([night]);
    expect(readWeek(["1-5", "", "", "", "", "", "22-2+1"])[6]).toBe("overlap");
    expect(readWeek(["", "", "", "", "", "", "22-2+1"])[6]).toEqual([night]);
    expect(withSpan(week([night]), 1, span(1, 5), null)).toBe("overlap");
    expect(withSpan(week([], [], [], [], [], [], [night]), 0, span(0, 3), null)).toBe("overlap");
    expect(withSpan(week([night]), 1, span(2, 5), null)).toEqual(week([night], [span(2, 5)]));
  });

  test("hold an appointment on either side of midnight and across it", () => {
    const days = week([], [], [], [], [], [], [night]);
    expect([span(23, 25), span(22, 26)].map((time) => isOpen(days, 6, time))).toEqual([true, true]);
    expect(isOpen(days, 0, span(0, 2))).toBe(true);
    expect([isOpen(days, 6, span(21, 23)), isOpen(days, 6, span(25, 27)), isOpen(days, 0, span(1, 3)), isOpen(days, 1, span(0, 1))]).toEqual([false, false, false, false]);
  });

  test("are as open as two days that meet at midnight", () => {
    const days = week([span(9, 24)], [span(0, 6)]);
    expect(isOpen(days, 0, span(23, 25))).toBe(true);
    expect(isOpen(days, 0, span(23, 31))).toBe(false);
  });
});

describe("a stretch on the grid", () => {
  const day = { from: 0, to: 1440 };
  const after = (grip: Parameters<typeof pulled>[0], from: number, to: number, passed: number) => {
    const { minutes, duration } = pulled(grip, { from, duration: to - from }, passed, 15, day);
    return [from + minutes, from + minutes + duration];
  };

  test("is drawn from the quarter that was pressed, downwards and upwards, and is a quarter long at least", () => {
    expect(after("draw", 547, 562, 0)).toEqual([540, 555]);
    expect(after("draw", 547, 562, 170)).toEqual([540, 720]);
    expect(after("draw", 547, 562, -130)).toEqual([420, 555]);
    expect(after("draw", 547, 562, -5)).toEqual([540, 555]);
    expect(after("draw", 1439, 1454, 300)).toEqual([1425, 1440]);
    expect(after("draw", 3, 18, -90)).toEqual([0, 15]);
  });

  test("moves in quarters and stays within its day", () => {
    expect(after("move", 540, 720, 22)).toEqual([555, 735]);
    expect(after("move", 540, 720, -9_000)).toEqual([0, 180]);
    expect(after("move", 540, 720, 9_000)).toEqual([1260, 1440]);
    expect(after("move", 0, 1440, 60)).toEqual([0, 1440]);
  });

  test("is pulled by either edge, which never passes the other", () => {
    expect(after("start", 540, 720, -65)).toEqual([480, 720]);
    expect(after("start", 540, 720, 600)).toEqual([705, 720]);
    expect(after("end", 540, 720, 65)).toEqual([540, 780]);
    expect(after("end", 540, 720, -600)).toEqual([540, 555]);
    expect(after("end", 540, 720, 9_000)).toEqual([540, 1440]);
    expect(after("start", 0, 10, 30)).toEqual([0, 10]);
  });

  test("of an appointment may run over midnight, for nothing keeps it within a day", () => {
    expect(pulled("end", { from: 1400, duration: 30 }, 60, 15)).toEqual({ minutes: 0, duration: 85 });
    expect(pulled("move", { from: 1400, duration: 30 }, 60, 15)).toEqual({ minutes: 55, duration: 30 });
  });
});

describe("what is dropped", () => {
  const days = week([span(9, 12), span(13, 17)], "wrong");

  test("stands in its day, in order, and leaves the place it came from", () => {
    expect(withSpan(days, 2, span(9, 10), null)).toEqual(week([span(9, 12), span(13, 17)], "wrong", [span(9, 10)]));
    expect(withSpan(days, 2, span(13, 17), { day: 0, from: 780 })).toEqual(week([span(9, 12)], "wrong", [span(13, 17)]));
    expect(withSpan(days, 0, span(17, 18), { day: 0, from: 540 })).toEqual(week([span(13, 17), span(17, 18)], "wrong"));
  });

  test("is refused over others, in the typed hours' own words, and where the typed hours are not understood", () => {
    expect(withSpan(days, 0, span(11, 14), null)).toBe("overlap");
    expect(withSpan(days, 0, span(10, 14), { day: 0, from: 540 })).toBe("overlap");
    expect(withSpan(days, 1, span(9, 10), null)).toBe("wrong");
    expect(withSpan(days, 7, span(9, 10), null)).toBe("wrong");
  });

  test("leaves the other days as they are, so that their texts stay as typed", () => {
    const next = withSpan(days, 2, span(9, 10), null);
    expect([next[0] === days[0], next[1] === days[1], next[2] === days[2]]).toEqual([true, true, false]);
    expect(without(days, { day: 0, from: 540 })[0]).toEqual([span(13, 17)]);
    expect(without(days, { day: 1, from: 540 })[1]).toBe("wrong");
  });
});

test("the business's hours over midnight are open on both days", () => {
  const open = openOn([{ weekday: 6, intervals: [{ from: "22:00", to: "02:00" }] }, { weekday: 0, intervals: [{ from: "09:00", to: "24:00" }] }]);
  expect(open[6]).toEqual([span(22, 24)]);
  expect(open[0]).toEqual([span(0, 2), span(9, 24)]);
  expect(openOn([{ weekday: 2, intervals: [{ from: "18:00", to: "00:00" }] }])[3]).toEqual([]);
});

test("the earliest hours are in view, and a usual morning where all day is open or nothing is", () => {
  expect(firstMinute([[span(10, 12)], [], [span(9, 12)]])).toBe(540);
  expect(firstMinute([[span(0, 24)]])).toBe(480);
  expect(firstMinute([])).toBe(480);
});

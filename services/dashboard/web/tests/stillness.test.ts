import { describe, expect, it } from "vitest";
import type { Appointment } from "../src/api/appointments";
import { type Line, still } from "../src/appointments/stillness";
import { stillColumns } from "../src/calendar/stillness";
import type { Column } from "../src/calendar/TimeGrid";

const at = (id: string, hour: string, minutes = 30) =>
  ({ id, version: 1, starts_at: `2026-11-30T${hour}:00Z`, ends_at: new Date(Date.parse(`2026-11-30T${hour}:00Z`) + minutes * 60_000).toISOString(), client: { id: `c-${id}`, name: id } }) as Appointment;
const row = (id: string): Line => ({ kind: "row", key: id, appointment: at(id, "09:00") });
const day = (key: string): Line => ({ kind: "day", key, day: "2026-11-30", appointments: [] });
const keys = (lines: readonly Line[]) => lines.map((line) => (line.kind === "row" && line.gone ? `${line.key}†` : line.key));

describe("rows", () => {
  it("follow at once where nobody is near, or where the row under the pointer would not move", () => {
    const shown = [day("mon"), row("a"), row("b")];
    expect(still(shown, [day("mon"), row("x"), row("a")], null).waiting).toBe(0);
    const below = [day("mon"), row("a"), row("x"), row("b")];
    expect(still(shown, below, "a")).toEqual({ lines: below, waiting: 0 });
  });

  it("stay where one comes in above the pointer, and say how many changes wait", () => {
    const shown = [day("mon"), row("a"), row("b")];
    const held = still(shown, [day("mon"), row("x"), row("a"), row("b")], "b");
    expect(keys(held.lines)).toEqual(["mon", "a", "b"]);
    expect(held.waiting).toBe(1);
  });

  it("stay where another day begins above the pointer, although as many lines are there", () => {
    const shown = [day("mon"), row("a"), row("b"), row("c")];
    expect(still(shown, [day("mon"), row("a"), day("tue"), row("c")], "c").waiting).toBeGreaterThan(0);
  });

  it("tell of what is gone, and take what is new of a row that stays", () => {
    const shown = [row("a"), row("b"), row("c")];
    const newer = { ...at("c", "09:00"), status: "confirmed", version: 2 } as Appointment;
    const held = still(shown, [{ kind: "row", key: "c", appointment: newer }], "c");
    expect(keys(held.lines)).toEqual(["a†", "b†", "c"]);
    expect(held.lines[2]).toMatchObject({ appointment: { status: "confirmed" } });
    expect(keys(still(held.lines, [{ kind: "row", key: "c", appointment: newer }], null).lines)).toEqual(["c"]);
  });
});

const column = (...appointments: Appointment[]) => ({ id: "ann|2026-11-30", title: "Ann", detail: "", day: "2026-11-30", resourceId: "ann", resourceName: "Ann", person: true, empty: null, open: [], blocks: [], appointments }) as Column;

describe("cards", () => {
  const held = { card: "a", column: "ann|2026-11-30" };

  it("follow at once where the one under the pointer keeps its place", () => {
    const next = [column(at("a", "09:00"), at("b", "11:00"))];
    expect(stillColumns([column(at("a", "09:00"))], next, held, "UTC")).toBe(next);
  });

  it.each([
    ["goes", []],
    ["is moved", [at("a", "12:00")]],
    ["is made narrower by another beside it", [at("a", "09:00"), at("b", "09:15")]],
  ])("stay where the one under the pointer %s, until it is let go", (_, appointments) => {
    const shown = [column(at("a", "09:00"))];
    const next = [column(...appointments)];
    expect(stillColumns(shown, next, held, "UTC")[0]).toBe(shown[0]);
    expect(stillColumns(shown, next, null, "UTC")).toBe(next);
  });
});

import { describe, expect, it } from "vitest";
import type { Appointment, Status } from "../src/api/appointments";
import type { Service } from "../src/api/catalogue";
import { NO_GROUPS, capacitiesOf, entriesOf, isFull, seatsOf } from "../src/calendar/sessions";

const YOGA = "yoga";
const SIX = capacitiesOf([{ id: YOGA, capacity: 6 }, { id: "cut", capacity: 1 }] as Service[]);
const at = (hour: number) => `2026-11-23T${String(hour).padStart(2, "0")}:00:00Z`;
const booked = (id: string, more: { service?: string; hour?: number; status?: Status; occupies?: boolean } = {}): Appointment => {
  const { service = YOGA, hour = 9, status = "scheduled", occupies = true } = more;
  return { id, service_id: service, starts_at: at(hour), ends_at: at(hour + 1), status, occupies } as Appointment;
};
const ids = (entries: ReturnType<typeof entriesOf>) => entries.map(({ all }) => all.map(({ id }) => id).join("+"));

describe("a session of a group service", () => {
  it("is one entry of all who are there, and says how many seats they take", () => {
    const entries = entriesOf([booked("a"), booked("cut", { service: "cut" }), booked("b"), booked("later", { hour: 11 })], SIX);
    expect(ids(entries)).toEqual(["a+b", "cut", "later"]);
    expect(entries.map(({ seats }) => seats)).toEqual([{ taken: 2, all: 6 }, null, { taken: 1, all: 6 }]);
  });

  it("is shown as whoever is least far", () => {
    const [entry] = entriesOf([booked("a", { status: "confirmed" }), booked("b", { status: "completed" }), booked("c", { status: "pending" })], SIX);
    expect(entry?.shown.id).toBe("c");
  });

  it("has nobody at it who has cancelled, and no seat for a request that takes no time yet", () => {
    const entries = entriesOf([booked("a"), booked("gone", { status: "cancelled" }), booked("asks", { status: "pending", occupies: false })], SIX);
    expect(ids(entries)).toEqual(["asks+a", "gone"]);
    expect(entries.map(({ seats }) => seats?.taken)).toEqual([1, undefined]);
  });

  it("is full when each seat is taken, and when somebody was let in beyond", () => {
    const people = (count: number) => Array.from({ length: count }, (_, index) => booked(`p${index}`));
    expect([5, 6, 7].map((count) => isFull(seatsOf(people(count), 6)))).toEqual([false, true, true]);
  });
});

it("without group services each appointment is an entry of its own, in the order given", () => {
  expect(ids(entriesOf([booked("b"), booked("a")], NO_GROUPS))).toEqual(["b", "a"]);
  expect(capacitiesOf([{ id: "cut", capacity: 1 }] as Service[])).toBe(NO_GROUPS);
});

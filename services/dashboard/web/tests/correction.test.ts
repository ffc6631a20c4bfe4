import { expect, test } from "vitest";
import type { Appointment } from "../src/api/appointments";
import { correctionOf } from "../src/appointments/correction";

const ADA = { id: "ada", name: "Ada", kind: "staff" };
const ROOM = { id: "room", name: "Room", kind: "room" };
const shown = { id: "a", version: 1, client_id: "iris", client: { id: "iris", name: "Iris" }, service_id: "cut", service_name: "Cut", duration_minutes: 30, resources: [ADA, ROOM] } as unknown as Appointment;
const after = (change: object) => ({ ...shown, version: 2, ...change }) as unknown as Appointment;

test("what somebody else corrects meanwhile is shown, and is not put back", () => {
  const theirs = after({ client_id: "nora", client: { id: "nora", name: "Nora" }, service_id: "colour", duration_minutes: 90 });
  expect(correctionOf(theirs, {}).body).toEqual({});
  const mine = correctionOf(theirs, { staff: "ben" });
  expect(mine).toMatchObject({ client: { id: "nora", text: "Nora" }, serviceId: "colour", minutes: "90" });
  expect(mine.body).toEqual({ resource_ids: ["room", "ben"] });
});

test("what was typed here is sent also where somebody else has changed the same", () => {
  expect(correctionOf(after({ duration_minutes: 60 }), { minutes: "45" }).body).toEqual({ duration_minutes: 45 });
  expect(correctionOf(after({ duration_minutes: 45 }), { minutes: "45" }).body).toEqual({});
});

test("another service takes its length along and chooses its own room", () => {
  const { body, timed } = correctionOf(shown, { serviceId: "colour", minutes: "90", staff: "ben" });
  expect([body, timed]).toEqual([{ service_id: "colour", duration_minutes: 90, resource_ids: ["ben"] }, true]);
});

test("a name of its own is no correction until it is another one, and none is not whole", () => {
  const own = after({ service_id: null, service_name: "Trial" });
  expect(correctionOf(own, { name: "Trial " }).body).toEqual({});
  expect(correctionOf(own, { name: "Second trial" }).body).toEqual({ service_name: "Second trial" });
  expect(correctionOf(shown, { serviceId: "custom" }).whole).toBe(false);
  expect(correctionOf(shown, { client: { id: null, text: "Ir" } }).whole).toBe(false);
});

import { expect, test } from "vitest";
import { type Inbound, type Outbound, threadOf } from "../src/messages/thread";

const outbound = (id: string, sent_at: string | null, due_at: string) => ({ id, sent_at, due_at }) as Outbound;
const inbound = (id: string, received_at: string) => ({ id, received_at }) as Inbound;

test("what a client wrote stands between what was written to them, newest first", () => {
  const thread = threadOf(
    [outbound("planned", null, "2027-06-14T09:00:00Z"), outbound("reminder", "2027-06-13T09:00:05Z", "2027-06-13T09:00:00Z"), outbound("booked", "2027-06-01T09:00:00Z", "2027-06-01T09:00:00Z")],
    [inbound("late", "2027-06-13T11:00:00+02:00"), inbound("yes", "2027-06-13T09:01:00Z")],
  );
  expect(thread.map((entry) => [entry.from, entry.message.id])).toEqual([
    ["us", "planned"],
    ["client", "yes"],
    ["us", "reminder"],
    ["client", "late"],
    ["us", "booked"],
  ]);
});

import { expect, test } from "vitest";
import { changesOf, timelineOf } from "../src/appointments/changes";
import english from "../src/locales/en.json";

const to = (value: unknown, old: unknown = null) => ({ old, new: value });

test("ids and counters of the machinery are left out, and what belongs together is told as one", () => {
  const fields = { action_id: to("6f1c"), action_name: to("First visit"), version: to(2, 1), quoted_amount: to("45.00", "40.00"), quoted_currency: to("EUR", "EUR"), location_kind: to("video", "business"), location_url: to("https://meet.example") };
  expect(changesOf(fields)).toEqual([
    ["action_name", to("First visit")],
    ["quoted_price", to(["45.00", "EUR"], ["40.00", "EUR"])],
    ["location", to(["video", null, "https://meet.example"], ["business", null, null])],
  ]);
  expect(changesOf({ actual_amount: to("60"), actual_currency: to("EUR") })).toEqual([["actual_price", to(["60", "EUR"])]]);
});

test("whatever can change of an appointment has a name for people", () => {
  const kept = ["client_id", "service_name", "action_name", "starts_at", "ends_at", "buffer_before_minutes", "buffer_after_minutes", "status", "resources", "notes", "internal_notes", "share_with_client", "notify_client", "quoted_amount", "actual_amount", "location_kind", "archived", "cancellation_reason", "previous_starts_at"];
  const changes = changesOf(Object.fromEntries(kept.map((name) => [name, to("x")])));
  expect(changes.map(([name]) => name).filter((name) => !(name in english.history.field))).toEqual([]);
});

test("what was sent stands among what happened, by when it went, or by when it is due", () => {
  const entry = (version: number, at: string) => ({ version, at }) as Parameters<typeof timelineOf>[0][number];
  const message = (message_id: string, due_at: string, ...outcomes: string[]) => ({ message_id, due_at, outcomes: outcomes.map((at) => ({ at })) }) as Parameters<typeof timelineOf>[1][number];
  const told = timelineOf(
    [entry(1, "2026-11-01T09:00:00Z"), entry(2, "2026-11-02T09:00:00Z")],
    [message("of the booking", "2026-11-01T09:00:00Z", "2026-11-01T09:00:00.5Z", "2026-11-01T09:01:00Z"), message("reminder", "2026-11-05T09:00:00Z"), message("at once", "2026-11-02T09:00:00Z", "2026-11-02T09:00:00Z")],
  );
  expect(told.map((item) => (item.kind === "entry" ? item.entry.version : item.message.message_id))).toEqual(["reminder", "at once", 2, "of the booking", 1]);
});

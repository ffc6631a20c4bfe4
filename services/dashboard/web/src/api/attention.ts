/** What needs somebody: calendars that are not read, and reminders that did not arrive. Asked for once for a page, and seldom. */
import { useQuery } from "@tanstack/react-query";
import { isoOf, now } from "../time";
import { ask } from "./client";
import type { components as Calendars } from "./schema/calendar-sync";
import type { components as Notifications } from "./schema/notifications";
import { useRight } from "./session";

/** No event tells of either; appointments that change have it looked at again, too (follow.ts). */
const LOOK_AGAIN = 60_000;
export const MOST = 100;
/** What became of a message that nobody got, as far as is known. */
export const UNDELIVERED = ["failed", "unknown"] as const;

type Connection = Calendars["schemas"]["ConnectionOut"];

/** Paused on purpose is no failure; paused because most of it was gone is. */
export const isNotSynced = (connection: Pick<Connection, "state" | "pause_reason">): boolean => connection.state === "failing" || connection.pause_reason === "mass_deletion";

/** Of appointments that still lie ahead: what has passed, nobody can make good. */
export const aheadQuery = () => ({ kind: "reminder", status: UNDELIVERED, starts_from: isoOf(now()) });

export function useAttention(): { calendars: number; reminders: number } {
  const mayReadCalendars = useRight("read_calendars");
  const mayReadMessages = useRight("read_messages");
  const calendars = useQuery({
    queryKey: ["connections", "attention"],
    enabled: mayReadCalendars,
    queryFn: ({ signal }) => ask<{ items: Connection[] }>("calendar-sync", "/connections", { query: { state: ["failing", "paused"], limit: MOST }, signal }),
    select: (page) => page.items.filter(isNotSynced).length,
    refetchInterval: LOOK_AGAIN,
  });
  const reminders = useQuery({
    queryKey: ["messages", "undelivered"],
    enabled: mayReadMessages,
    queryFn: ({ signal }) => ask<Notifications["schemas"]["MessageCountsOut"]>("notifications", "/messages/counts", { query: aheadQuery(), signal }),
    select: (counts) => counts.total,
    refetchInterval: LOOK_AGAIN,
  });
  return { calendars: calendars.data ?? 0, reminders: reminders.data ?? 0 };
}

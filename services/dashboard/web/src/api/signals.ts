/** What became of the reminders of the appointments on a screen: one request for all of them, once they stand there. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { UNDELIVERED } from "./attention";
import { ask } from "./client";
import type { components } from "./schema/notifications";
import { useRight } from "./session";

type Counts = components["schemas"]["MessageCountsOut"]["by_status"];
/** The worst that is to be told: one that did not arrive, before those that are still to come, before those that went. */
export type Reminded = "undelivered" | "planned" | "sent";
export type Signals = ReadonlyMap<string, Reminded>;

const REST = 300;
const LOOK_AGAIN = 60_000;
/** As many as one request names. */
const MOST = 100;
/** Rows are asked for in steps: who scrolls by a few asks nothing. */
const STEP = 50;
const NONE: Signals = new Map();

export function remindedOf(counts: Counts): Reminded | null {
  const any = (...states: readonly (keyof Counts)[]) => states.some((state) => (counts[state] ?? 0) > 0);
  if (any(...UNDELIVERED)) return "undelivered";
  if (any("planned", "claimed")) return "planned";
  return any("sent", "delivered") ? "sent" : null;
}

/** The ids around those that are seen, from `first` to `last` of all of them. */
export function idsAround(ids: readonly string[], first: number, last: number): readonly string[] {
  const from = Math.floor(Math.max(0, first) / STEP) * STEP;
  return ids.slice(from, Math.min(from + MOST, Math.ceil((last + 1) / STEP) * STEP));
}

/** `wanted` may change with every frame: it is asked for when it rests. */
export function useSignals(wanted: readonly string[]): Signals {
  const mayRead = useRight("read_messages");
  const key = wanted.join();
  const [rested, setRested] = useState("");
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(key), REST);
    return () => clearTimeout(timer);
  }, [key]);
  const { data } = useQuery({
    queryKey: ["signals", rested],
    enabled: mayRead && rested !== "",
    queryFn: ({ signal }) => ask<components["schemas"]["AppointmentMessagesOut"]>("notifications", "/messages/by-appointment", { query: { kind: "reminder", appointment_id: rested.split(",") }, signal }),
    select: read,
    placeholderData: (previous) => previous,
    refetchInterval: LOOK_AGAIN,
  });
  return data ?? NONE;
}

const read = (answer: components["schemas"]["AppointmentMessagesOut"]): Signals =>
  new Map(
    answer.items.flatMap((item) => {
      const reminded = remindedOf(item.by_status);
      return reminded ? [[item.appointment_id, reminded] as const] : [];
    }),
  );

/**
 * What others change, within a second. One browser holds one stream: the tab that holds the lock reads it and tells
 * the other tabs. Each tab knows up to where it was told: from the place that came with its session, before it read
 * anything else. From there a stream goes on that opens later, opens anew after growing pauses, or moves to another tab.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { follow } from "./follow";
import { readSession } from "./session";

export type LiveEvent = { id: string; topic: string; type: string; subject: string; version: number; organization: string };
export type LiveState = "live" | "reconnecting";

const ERASED = "slotstream.client.erased";
const SILENCE = 35_000;
/** All browsers lose their streams at once when a service is deployed: they come back one after the other. */
const FIRST_PAUSE = 2_500;
const LONGEST_PAUSE = 30_000;

let state: LiveState = "reconnecting";
const listeners = new Set<() => void>();

function become(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const listener of listeners) listener();
}

export const useLiveState = (): LiveState =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );

type Told = { kind: "event"; event: LiveEvent } | { kind: "state"; state: LiveState } | { kind: "refetch" } | { kind: "hello" };

/** Keeps the caches of `client` in step, which hold nothing older than `place`; returns how to stop. */
export function listen(client: QueryClient, place: string): () => void {
  const follower = follow(client);
  let last = place;
  const channel = new BroadcastChannel("slotstream-live");
  const abandon = new AbortController();
  let leading = false;

  const take = (told: Told) => {
    if (told.kind === "state") {
      if (told.state === "live" && state !== "live") follower.readFailed();
      become(told.state);
    } else if (told.kind === "refetch") follower.readAnew();
    else if (told.kind === "event") takeEvent(told.event);
    else if (leading) channel.postMessage({ kind: "state", state } satisfies Told);
  };
  const takeEvent = (event: LiveEvent) => {
    last = event.id;
    if (event.topic.includes("appointment")) follower.tell(event.subject, event.version);
    if (event.topic.includes("schedule")) follower.tellOfHours();
    if (event.topic.includes("client")) follower.tellOfClient(event.subject, event.type === ERASED);
    if (event.topic.includes("hold")) follower.tellOfHolds();
    if (event.topic.includes("messages")) follower.tellOfTexts();
    if (event.topic.includes("waiting-list")) follower.tellOfWaiting();
  };
  channel.onmessage = (message: MessageEvent<Told>) => take(message.data);
  const tell = (told: Told) => {
    if (abandon.signal.aborted) return;
    take(told);
    channel.postMessage(told);
  };
  channel.postMessage({ kind: "hello" } satisfies Told);

  void navigator.locks
    .request("slotstream-live", { signal: abandon.signal }, async () => {
      leading = true;
      await new Promise<void>((resolve) => {
        const stop = readStream(tell, () => last);
        abandon.signal.addEventListener("abort", () => {
          stop();
          resolve();
        });
      });
    })
    .catch(() => undefined);

  return () => {
    abandon.abort();
    channel.close();
    follower.stop();
  };
}

function readStream(tell: (told: Told) => void, place: () => string): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let silence = 0;
  let pause = FIRST_PAUSE;
  let stopped = false;

  const again = () => {
    source?.close();
    source = null;
    clearTimeout(silence);
    clearTimeout(timer);
    if (stopped) return;
    tell({ kind: "state", state: "reconnecting" });
    timer = window.setTimeout(open, pause * (0.2 + 1.6 * Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  };
  const heard = () => {
    clearTimeout(silence);
    silence = window.setTimeout(again, SILENCE);
  };
  const open = () => {
    source = new EventSource(`/events/stream?last_event_id=${encodeURIComponent(place())}`);
    source.onopen = () => {
      pause = FIRST_PAUSE;
      heard();
      tell({ kind: "state", state: "live" });
    };
    source.onerror = again;
    source.addEventListener("beat", heard);
    // What cannot be told again is asked for anew; a session that ended, or whose rights changed, is read anew.
    source.addEventListener("gap", () => tell({ kind: "refetch" }));
    source.addEventListener("end", () => void readSession().then(() => location.reload(), () => undefined));
    source.onmessage = (message: MessageEvent<string>) => {
      heard();
      tell({ kind: "event", event: JSON.parse(message.data) as LiveEvent });
    };
  };
  open();
  return () => {
    stopped = true;
    again();
  };
}

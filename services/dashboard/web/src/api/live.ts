/**
 * What others change, within a second. One browser holds one stream: the tab that holds the lock reads it and tells
 * the other tabs. A stream that breaks is opened anew with growing pauses, and what is on screen is asked for again.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { askAnew } from "./askAnew";
import { readSession } from "./session";

export type LiveEvent = { id: string; topic: string; type: string; subject: string; version: number; organization: string };
export type LiveState = "live" | "reconnecting";

const SILENCE = 35_000;
const FIRST_PAUSE = 1_000;
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

/** Keeps the caches of `client` in step; returns how to stop. */
export function listen(client: QueryClient): () => void {
  const channel = new BroadcastChannel("slotstream-live");
  const abandon = new AbortController();
  let leading = false;

  const take = (told: Told) => {
    if (told.kind === "state") become(told.state);
    else if (told.kind === "refetch") void askAnew(client);
    else if (told.kind === "event") takeEvent(client, told.event);
    else if (leading) channel.postMessage({ kind: "state", state } satisfies Told);
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
        const stop = readStream(tell);
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
  };
}

function readStream(tell: (told: Told) => void): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let silence = 0;
  let pause = FIRST_PAUSE;
  let lastId = "";
  let wasLost = false;
  let stopped = false;

  const again = () => {
    source?.close();
    source = null;
    clearTimeout(silence);
    clearTimeout(timer);
    if (stopped) return;
    wasLost = true;
    tell({ kind: "state", state: "reconnecting" });
    timer = window.setTimeout(open, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  };
  const heard = () => {
    clearTimeout(silence);
    silence = window.setTimeout(again, SILENCE);
  };
  const open = () => {
    source = new EventSource(`/events/stream${lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : ""}`);
    source.onopen = () => {
      pause = FIRST_PAUSE;
      heard();
      tell({ kind: "state", state: "live" });
      if (wasLost) tell({ kind: "refetch" });
      wasLost = false;
    };
    source.onerror = again;
    source.addEventListener("beat", heard);
    // What cannot be told again is asked for anew; a session that ended, or whose rights changed, is read anew.
    source.addEventListener("gap", () => tell({ kind: "refetch" }));
    source.addEventListener("end", () => void readSession().then(() => location.reload(), () => undefined));
    source.onmessage = (message: MessageEvent<string>) => {
      heard();
      lastId = message.lastEventId || lastId;
      tell({ kind: "event", event: JSON.parse(message.data) as LiveEvent });
    };
  };
  open();
  return () => {
    stopped = true;
    again();
  };
}

let waiting: number | null = null;
/** Many changes at once ask for the lists once. */
function takeEvent(client: QueryClient, event: LiveEvent): void {
  if (event.topic.includes("appointment")) void client.invalidateQueries({ queryKey: ["appointments", "single", event.subject] });
  waiting ??= window.setTimeout(() => {
    waiting = null;
    for (const key of ["appointments", "holds", "calendar", "slots"]) void askAnew(client, [key]);
  }, 150);
}

/**
 * Keeps what is shown in step with what others change. An event names an appointment: each list that is shown is asked
 * its own question again, of the named ones alone, and what booking answers is put into it. So filters, limits and
 * rights are booking's, and a change costs the same however long the list is. Many changes at once, or a gap, are read
 * anew as a whole.
 */
import type { Query as CachedQuery, InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";
import { type Appointment, type Page, endOf, questionOf } from "./appointments";
import { askAnew } from "./askAnew";
import { ask } from "./client";
import { type Told, patchPages, patchWindow } from "./patching";

/** As many as booking lets one question name. */
const MOST = 100;
/** Changes that come together are asked for together; the more there were, the longer the next ones are waited for. */
const REST = 50;
const LONGEST_REST = 1_000;
const BETWEEN_WHOLE_READINGS = 2_000;
/** What an appointment changes beside the lists: sums and free times. */
const BESIDE: readonly QueryKey[] = [["appointments", "counts"], ["holds"], ["calendar", "holds"], ["slots"]];
const BETWEEN_SUMS = 1_000;
/** What hours decide. */
const BY_HOURS: readonly QueryKey[] = [["schedule"], ["calendar"], ["slots"]];
const BETWEEN_HOURS = 1_000;
/** What a synced calendar brings changes without a word; it is looked at again when something else has changed. */
const BETWEEN_CALENDARS = 30_000;

type Patch = { told: Told; answers: ReadonlyMap<string, Appointment> };

export type Follower = {
  /** Somebody has changed this appointment; it is of this version now. */
  tell: (id: string, version: number) => void;
  /** Somebody's weekly hours, closures or time off are others now. */
  tellOfHours: () => void;
  /** Something was missed: what is shown is read anew. */
  readAnew: () => void;
  /** The services are within reach again. */
  readFailed: () => void;
  stop: () => void;
};

export function follow(client: QueryClient): Follower {
  const waiting = new Map<string, number>();
  const owed = new Map<string, Patch[]>();
  const stopped = new AbortController();
  let reading = false;

  const put = (query: CachedQuery, { told, answers }: Patch) => {
    const { data, dataUpdatedAt } = query.state;
    if (data === undefined) return;
    const [, kind, , sort] = query.queryKey;
    const patched = kind === "window" ? patchWindow(data as Appointment[], told, answers) : patchPages(data as InfiniteData<Page>, String(sort), told, answers);
    if (patched === null) void client.invalidateQueries({ queryKey: query.queryKey, exact: true });
    // As old as it was: of the rest of the list nothing was asked.
    else if (patched !== data) client.setQueryData(query.queryKey, patched, { updatedAt: dataUpdatedAt });
  };

  // A reading that was under way may tell of before the change: what was put in meanwhile is put in once more.
  const unsubscribe = client.getQueryCache().subscribe((event) => {
    const patches = owed.get(event.query.queryHash);
    if (!patches || event.query.state.fetchStatus !== "idle") return;
    owed.delete(event.query.queryHash);
    for (const patch of patches) put(event.query, patch);
  });

  const readNamed = async (query: CachedQuery, told: Told) => {
    const question = questionOf(query.queryKey);
    const { items } = await ask<Page>("booking", "/appointments", { query: { ...question.query, sort: question.sort, id: [...told.keys()], limit: MOST }, signal: stopped.signal });
    const shown = items.filter((item) => endOf(item) > question.endsAfter);
    const patch = { told, answers: new Map(shown.map((item) => [item.id, item])) };
    if (query.state.fetchStatus !== "idle") owed.set(query.queryHash, [...(owed.get(query.queryHash) ?? []), patch]);
    put(query, patch);
  };

  const readChanged = async (told: Told) => {
    for (const queryKey of LISTS) void client.invalidateQueries({ queryKey, type: "inactive", refetchType: "none" });
    for (const id of told.keys()) for (const kind of ["single", "history"]) void askAnew(client, ["appointments", kind, id]);
    const shown = LISTS.flatMap((queryKey) => client.getQueryCache().findAll({ queryKey, type: "active" }));
    const done = await Promise.allSettled(shown.map((query) => readNamed(query, told)));
    if (done.some((outcome) => outcome.status === "rejected")) anew(["appointments"]);
  };

  const work = async () => {
    if (reading) return;
    reading = true;
    let rest = REST;
    while (waiting.size && !stopped.signal.aborted) {
      await pause(rest * (0.5 + Math.random()));
      const told = new Map(waiting);
      waiting.clear();
      rest = Math.min(LONGEST_REST, REST * (1 + told.size));
      if (told.size > MOST) anew(["appointments"]);
      else await readChanged(told);
      sums();
      calendars();
    }
    reading = false;
  };

  const anew = oneAtATime((queryKey) => askAnew(client, queryKey), BETWEEN_WHOLE_READINGS);
  const sums = seldom(() => BESIDE.forEach((queryKey) => void askAnew(client, queryKey)), BETWEEN_SUMS);
  const calendars = seldom(() => void askAnew(client, ["calendar"]), BETWEEN_CALENDARS);
  const hours = seldom(() => BY_HOURS.forEach((queryKey) => void askAnew(client, queryKey)), BETWEEN_HOURS);

  return {
    tell: (id, version) => {
      waiting.set(id, Math.max(version, waiting.get(id) ?? 0));
      void work();
    },
    tellOfHours: hours,
    readAnew: () => anew([]),
    readFailed: () => void client.refetchQueries({ type: "active", predicate: (query) => query.state.status === "error" }),
    stop: () => {
      stopped.abort();
      unsubscribe();
    },
  };
}

const LISTS: readonly QueryKey[] = [
  ["appointments", "list"],
  ["appointments", "window"],
];

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Does it now, or once a while has passed since the last time. */
function seldom(work: () => void, between: number): () => void {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(
      () => {
        timer = undefined;
        last = performance.now();
        work();
      },
      Math.max(0, last + between - performance.now()),
    );
  };
}

/** Whole readings do not cut one another short: what is wanted during one is done after it, once. */
function oneAtATime(work: (queryKey: QueryKey) => Promise<void>, between: number): (queryKey: QueryKey) => void {
  let wanted: QueryKey | null = null;
  let working = false;
  const go = async () => {
    if (working) return;
    working = true;
    while (wanted) {
      const queryKey = wanted;
      wanted = null;
      await work(queryKey).catch(() => undefined);
      await pause(between * (0.5 + Math.random()));
    }
    working = false;
  };
  return (queryKey) => {
    // Everything, where it is wanted besides something.
    wanted = wanted && !wanted.length ? wanted : queryKey;
    void go();
  };
}

/**
 * Keeps what is shown in step with what changes. An event names an appointment: each list that is shown is asked its own
 * question again, of the named ones alone, and what booking answers is put into it. So filters, limits and rights are
 * booking's, and a change costs the same however long the list is. Many changes at once, or a gap, are read anew as a
 * whole. One's own changes go the same way, at once.
 */
import type { Query as CachedQuery, InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";
import { type Appointment, type Page, type PlainAppointment, endOf, patchAppointment, questionOf } from "./appointments";
import { askAnew, readFailed } from "./askAnew";
import { ask } from "./client";
import type { components } from "./schema/booking";
import { forget, naming } from "./people";
import { ANY, type Told, patchPages, patchWindow } from "./patching";
import { oneAtATime, pause, seldom } from "./rests";

/** As many as booking lets one question name. */
const MOST = 100;
/** Changes that come together are asked for together; the more there were, the longer the next ones are waited for. */
const REST = 50;
const LONGEST_REST = 1_000;
const BETWEEN_WHOLE_READINGS = 2_000;
/** What an appointment changes beside the lists: sums and free times. */
const BESIDE: readonly QueryKey[] = [["appointments", "counts"], ["calendar", "holds"], ["slots"]];
const BETWEEN_SUMS = 1_000;
/** What hours decide. */
const BY_HOURS: readonly QueryKey[] = [["schedule"], ["calendar"], ["slots"]];
const BETWEEN_HOURS = 1_000;
const BETWEEN_HOLDS = 1_000;
/** What a synced calendar brings changes without a word; it is looked at again when something else has changed. */
const BETWEEN_CALENDARS = 30_000;
/** What is shown of messages. */
const TEXTS: QueryKey = ["messages"];
const BETWEEN_TEXTS = 1_000;
const WAITING: QueryKey = ["waiting-list"];
const BETWEEN_WAITING = 1_000;
/** What other services make of an appointment that changed: reminders, and what became of them. They hear of it when pages do. */
const MADE_OF_IT: readonly QueryKey[] = [["signals"], ["messages", "undelivered"]];
const BETWEEN_SIGNALS = 10_000;
/** What names clients beside appointments. The other services hear of an erasure when pages do: they are asked twice. */
const WITH_PEOPLE: readonly QueryKey[] = [["clients"], ["messages"], ["reports"], ["import-rows"], WAITING];
const BETWEEN_PEOPLE = 1_000;
const OTHERS_KNOW_AFTER = 5_000;

type Series = components["schemas"]["SeriesReportOut"];
type Patch = { told: Told; answers: ReadonlyMap<string, Appointment> };

export type Follower = {
  /** Somebody has changed this appointment; it is of this version now. */
  tell: (id: string, version: number) => void;
  /** A client is called otherwise, was merged, or was erased: then nothing that is kept here may name them. */
  tellOfClient: (id: string, erased: boolean) => void;
  /** Somebody's weekly hours, closures or time off are others now. */
  tellOfHours: () => void;
  /** A slot is held, or no longer. */
  tellOfHolds: () => void;
  /** Somebody has written to us, or what they wrote was read. */
  tellOfTexts: () => void;
  /** Somebody waits, or no longer; or was offered something. */
  tellOfWaiting: () => void;
  /** Reads what one has changed oneself; done when it is shown. */
  readOwn: (ids: Iterable<string>) => Promise<void>;
  /** Something was missed: what is shown is read anew. */
  readAnew: () => void;
  /** The services are within reach again. */
  readFailed: () => void;
  stop: () => void;
};

const followers = new WeakMap<QueryClient, Follower>();

/** What one has just changed oneself: it moves at once, also under the pointer. With the version that this made, where it was answered. */
const own = new Map<string, { at: number; version: number | null }>();
const OWN_FOR = 5_000;
export const isOwn = (id: string): boolean => performance.now() - (own.get(id)?.at ?? Number.NEGATIVE_INFINITY) < OWN_FOR;

/** Whether one has made this version oneself. */
export const isOwnVersion = (id: string, version: number): boolean => {
  const made = own.get(id)?.version;
  return typeof made === "number" ? version <= made : isOwn(id);
};

/** Shows one's own changes, as they were answered, wherever they belong now. Other versions of them are read by their ids. */
export async function showOwn(client: QueryClient, ...changed: readonly PlainAppointment[]): Promise<void> {
  for (const appointment of changed) {
    own.set(appointment.id, { at: performance.now(), version: appointment.version });
    patchAppointment(client, appointment);
  }
  await readAsOwn(client, changed.map((appointment) => appointment.id));
}

/** Of whose new versions no answer tells. */
export async function readOwn(client: QueryClient, ids: readonly string[]): Promise<void> {
  for (const id of ids) own.set(id, { at: performance.now(), version: null });
  await readAsOwn(client, ids);
}

async function readAsOwn(client: QueryClient, ids: readonly string[]): Promise<void> {
  const follower = followers.get(client);
  await (follower ? follower.readOwn(ids) : askAnew(client, ["appointments"]));
}

const isOfSeries = (series: Series | undefined, told: Told): boolean => series?.occurrences.some(({ appointment_id: id }) => id !== null && told.has(id)) ?? false;

export function follow(client: QueryClient): Follower {
  const waiting = new Map<string, number>();
  const people = new Set<string>();
  const owed = new Map<string, { patches: Patch[]; people: Set<string> }>();
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
  const owe = (query: CachedQuery) => {
    const known = owed.get(query.queryHash) ?? { patches: [], people: new Set() };
    owed.set(query.queryHash, known);
    return known;
  };
  const unsubscribe = client.getQueryCache().subscribe((event) => {
    const known = owed.get(event.query.queryHash);
    if (!known || event.query.state.fetchStatus !== "idle") return;
    owed.delete(event.query.queryHash);
    for (const patch of known.patches) put(event.query, patch);
    for (const id of known.people) people.add(id);
    if (known.people.size) void work();
  });

  const readNamed = async (query: CachedQuery, told: Told) => {
    const question = questionOf(query.queryKey);
    const { items } = await ask<Page>("booking", "/appointments", { query: { ...question.query, sort: question.sort, id: [...told.keys()], limit: MOST }, signal: stopped.signal });
    const shown = items.filter((item) => endOf(item) > question.endsAfter);
    const patch = { told, answers: new Map(shown.map((item) => [item.id, item])) };
    if (query.state.fetchStatus !== "idle") owe(query).patches.push(patch);
    put(query, patch);
  };

  const readChanged = async (told: Told, read = readNamed) => {
    if (told.size > MOST) return anew(["appointments"]);
    for (const queryKey of LISTS) void client.invalidateQueries({ queryKey, type: "inactive", refetchType: "none" });
    for (const id of told.keys()) for (const kind of ["single", "history"]) void askAnew(client, ["appointments", kind, id]);
    void client.invalidateQueries({ queryKey: ["appointments", "series"], predicate: ({ state }) => isOfSeries(state.data as Series | undefined, told) });
    const shown = LISTS.flatMap((queryKey) => client.getQueryCache().findAll({ queryKey, type: "active" }));
    const done = await Promise.allSettled(shown.map((query) => read(query, told)));
    if (done.some((outcome) => outcome.status === "rejected")) anew(["appointments"]);
  };

  /** Appointments that are shown by the name of these clients, in the versions that are shown. */
  const namedBy = (ids: ReadonlySet<string>): Map<string, number> => {
    const found = new Map<string, number>();
    if (!ids.size) return found;
    for (const query of client.getQueryCache().findAll({ queryKey: ["appointments"] })) {
      for (const { id, version } of naming(query, ids)) found.set(id, Math.max(version, found.get(id) ?? 0));
      if (query.state.fetchStatus !== "idle") for (const id of ids) owe(query).people.add(id);
    }
    return found;
  };

  const work = async () => {
    if (reading) return;
    reading = true;
    let rest = REST;
    while ((waiting.size || people.size) && !stopped.signal.aborted) {
      await pause(rest * (0.5 + Math.random()));
      const changed = waiting.size > 0;
      const told = new Map([...namedBy(people), ...waiting]);
      waiting.clear();
      people.clear();
      rest = Math.min(LONGEST_REST, REST * (1 + told.size));
      if (told.size) await readChanged(told);
      if (changed) sums();
      if (changed) calendars();
      if (changed) signals();
    }
    reading = false;
  };

  /** What began to be read before the change is begun anew: nothing older may show in between. */
  const readAfterWrite = async (query: CachedQuery, told: Told) =>
    query.state.fetchStatus === "idle" ? readNamed(query, told) : askAnew(client, query.queryKey);

  const anew = oneAtATime((queryKey) => askAnew(client, queryKey), BETWEEN_WHOLE_READINGS);
  const sums = seldom(() => BESIDE.forEach((queryKey) => void askAnew(client, queryKey)), BETWEEN_SUMS);
  const calendars = seldom(() => void askAnew(client, ["calendar"]), BETWEEN_CALENDARS);
  const signals = seldom(() => MADE_OF_IT.forEach((queryKey) => void askAnew(client, queryKey)), BETWEEN_SIGNALS);
  const hours = seldom(() => BY_HOURS.forEach((queryKey) => void askAnew(client, queryKey)), BETWEEN_HOURS);
  const holds = seldom(() => void askAnew(client, ["calendar", "holds"]), BETWEEN_HOLDS);
  const texts = seldom(() => void askAnew(client, TEXTS), BETWEEN_TEXTS);
  const waitingList = seldom(() => void askAnew(client, WAITING), BETWEEN_WAITING);
  const named = seldom(() => WITH_PEOPLE.forEach((queryKey) => void askAnew(client, queryKey)), BETWEEN_PEOPLE);

  const follower: Follower = {
    tell: (id, version) => {
      waiting.set(id, Math.max(version, waiting.get(id) ?? 0));
      void work();
    },
    tellOfClient: (id, erased) => {
      people.add(id);
      if (erased) {
        forget(client, id, WITH_PEOPLE);
        const later = setTimeout(named, OTHERS_KNOW_AFTER);
        stopped.signal.addEventListener("abort", () => clearTimeout(later));
      }
      named();
      void work();
    },
    tellOfHours: hours,
    tellOfHolds: holds,
    tellOfTexts: texts,
    tellOfWaiting: waitingList,
    readOwn: async (ids) => {
      await readChanged(new Map([...ids].map((id) => [id, ANY])), readAfterWrite);
      sums();
      calendars();
      signals();
    },
    readAnew: () => anew([]),
    readFailed: () => void readFailed(client),
    stop: () => {
      stopped.abort();
      unsubscribe();
      if (followers.get(client) === follower) followers.delete(client);
    },
  };
  followers.set(client, follower);
  return follower;
}

const LISTS: readonly QueryKey[] = [
  ["appointments", "list"],
  ["appointments", "window"],
];

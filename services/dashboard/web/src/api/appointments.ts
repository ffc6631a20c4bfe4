import { type InfiniteData, type QueryClient, type QueryKey, replaceEqualDeep, useInfiniteQuery, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import type { components } from "./schema/booking";
import { ask, ProblemError, type Query } from "./client";
import type { Instant } from "../time";
import { instantOf, isoOf } from "../time";

type Schemas = components["schemas"];
export type Appointment = Schemas["ListedAppointmentOut"];
export type PlainAppointment = Schemas["AppointmentOut"];
export type Status = Appointment["status"];
export type HistoryEntry = Schemas["HistoryEntryOut"];
export type Counts = Schemas["CountsOut"];
export type Page = { items: Appointment[]; next_cursor?: string | null };

export const STATUSES: readonly Status[] = [
  "pending",
  "scheduled",
  "confirmed",
  "completed",
  "cancelled",
  "no_show",
  "rescheduled",
  "dismissed",
];
/** What the calendar leaves out unless asked. */
export const GONE: ReadonlySet<Status> = new Set(["cancelled", "rescheduled", "dismissed"]);

export const startOf = (appointment: PlainAppointment): Instant => instantOf(appointment.starts_at);
export const endOf = (appointment: PlainAppointment): Instant => instantOf(appointment.ends_at);
export const staffOf = (appointment: PlainAppointment) => appointment.resources.filter((resource) => resource.kind === "staff");

export const useAppointmentPages = (query: Query, sort: string) =>
  useInfiniteQuery({
    queryKey: ["appointments", "list", query, sort],
    queryFn: ({ pageParam, signal }) =>
      ask<Page>("booking", "/appointments", { query: { ...query, sort, limit: 100, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
  });

const counts = (query: Query) => ({
  queryKey: ["appointments", "counts", query],
  queryFn: ({ signal }: { signal: AbortSignal }) => ask<Counts>("booking", "/appointments/counts", { query, signal }),
});

export const useCounts = (query: Query) => useQuery({ ...counts(query), placeholderData: (previous: Counts | undefined) => previous });

/** Of several questions at once, each by itself. */
export const useCountsOfEach = (queries: readonly Query[]): (Counts | undefined)[] => useQueries({ queries: queries.map(counts) }).map(({ data }) => data);

/** How many there are of these statuses; of all where none is named. */
export const countOf = (counts: Counts, statuses: readonly Status[] | undefined): number =>
  statuses?.length ? statuses.reduce((sum, status) => sum + (counts.by_status[status] ?? 0), 0) : counts.total;

/** What began two days before may still last. */
const LASTS_AT_MOST = 2 * 86_400_000;
const windowOf = (businessId: string | undefined, from: Instant, to: Instant): Query => ({ business_id: businessId, from: isoOf(from - LASTS_AT_MOST), to: isoOf(to) });

/** What booking was asked for a list or a window that is kept, and which of the answers are shown: those that end later. */
export function questionOf(queryKey: QueryKey): { query: Query; sort: string; endsAfter: Instant } {
  const [, kind, ...rest] = queryKey;
  if (kind === "window") {
    const [businessId, from, to] = rest as [string, Instant, Instant];
    return { query: windowOf(businessId, from, to), sort: "starts_at", endsAfter: from };
  }
  const [query, sort] = rest as [Query, string];
  return { query, sort, endsAfter: Number.NEGATIVE_INFINITY };
}

/** Everything that lies in a window, of one business: what the calendar draws. */
export const useWindow = (businessId: string | undefined, from: Instant, to: Instant) =>
  useQuery({
    queryKey: ["appointments", "window", businessId, from, to],
    enabled: businessId !== undefined,
    queryFn: async ({ signal }) => {
      const query = { ...windowOf(businessId, from, to), sort: "starts_at", limit: 200 };
      const items: Appointment[] = [];
      let cursor: string | undefined;
      do {
        const page: Page = await ask<Page>("booking", "/appointments", { query: { ...query, cursor }, signal });
        items.push(...page.items.filter((appointment) => endOf(appointment) > from));
        cursor = page.next_cursor ?? undefined;
      } while (cursor);
      return items;
    },
    placeholderData: (previous) => previous,
  });

/** Out of the lists that are kept: until it is read by itself, it is shown as its row shows it. */
function inLists(client: QueryClient, id: string | undefined): Appointment | undefined {
  for (const [, data] of client.getQueriesData<InfiniteData<Page>>({ queryKey: ["appointments", "list"] }))
    for (const page of data?.pages ?? []) {
      const found = page.items.find((item) => item.id === id);
      if (found) return found;
    }
  return undefined;
}

export function useAppointment(id: string | undefined) {
  const client = useQueryClient();
  return useQuery<Appointment>({
    queryKey: ["appointments", "single", id],
    enabled: id !== undefined,
    queryFn: ({ signal }) => ask<Appointment>("booking", `/appointments/${id}`, { signal }),
    placeholderData: () => inLists(client, id),
    // An answer that was on its way while a newer one was put here is late.
    structuralSharing: (known, read) => ((known as Appointment | undefined)?.version ?? 0) > (read as Appointment).version ? known : replaceEqualDeep(known, read),
  });
}

/** What is asked about is what it is now: of what was shown when the question came, a step would be refused. */
export function useNewest(shown: Appointment): Appointment {
  const { data } = useAppointment(shown.id);
  return data && data.version > shown.version ? data : shown;
}

/** Has what was refused as too old read again; the next attempt goes upon it. */
export function readRefused(client: QueryClient, id: string, failure: unknown): void {
  if (failure instanceof ProblemError && failure.problem.status === 412) void client.invalidateQueries({ queryKey: ["appointments", "single", id] });
}

export const useHistory = (id: string) =>
  useQuery({
    queryKey: ["appointments", "history", id],
    queryFn: ({ signal }) => ask<Schemas["HistoryOut"]>("booking", `/appointments/${id}/history`, { signal }),
  });

/** Puts a newer version of an appointment wherever it is shown; an older or equal one changes nothing. */
export function patchAppointment(client: QueryClient, newer: PlainAppointment): void {
  const patched = (known: Appointment): Appointment =>
    known.id === newer.id && known.version < newer.version ? { ...known, ...newer } : known;
  client.setQueriesData<InfiniteData<Page>>({ queryKey: ["appointments", "list"] }, (data) =>
    data && { ...data, pages: data.pages.map((page) => ({ ...page, items: page.items.map(patched) })) },
  );
  client.setQueriesData<Appointment[]>({ queryKey: ["appointments", "window"] }, (items) => items?.map(patched));
  client.setQueriesData<Appointment>({ queryKey: ["appointments", "single", newer.id] }, (known) => known && patched(known));
}

export type Verb = "approve" | "decline" | "confirm" | "cancel" | "complete" | "no-show" | "dismiss" | "reopen" | "archive" | "unarchive";

/** `verbs` of a row are told with underscores. */
export const pathOfVerb = (verb: string): Verb => verb.replaceAll("_", "-") as Verb;

export type VerbBody = { reason?: string; tell_client?: boolean; actual_price?: { amount: string; currency: string }; internal_notes?: string };

export const act = (appointment: PlainAppointment, verb: string, body: VerbBody = {}, key?: string): Promise<PlainAppointment> =>
  ask<PlainAppointment>("booking", `/appointments/${appointment.id}/${pathOfVerb(verb)}`, {
    method: "POST",
    version: appointment.version,
    body,
    key,
  });

export type Move = {
  starts_at: string;
  duration_minutes?: number;
  resource_ids?: string[];
  /** Of this move alone: what follows is told, and reminded of, as ever. */
  tell_client: boolean;
  reason?: string;
  override?: { reason: string };
};

export const move = (appointment: PlainAppointment, body: Move, key?: string): Promise<Schemas["RescheduledOut"]> =>
  ask("booking", `/appointments/${appointment.id}/reschedule`, { method: "POST", version: appointment.version, body, key });

export const edit = (appointment: PlainAppointment, body: Record<string, unknown>, key?: string): Promise<PlainAppointment> =>
  ask("booking", `/appointments/${appointment.id}`, { method: "PATCH", version: appointment.version, body, key });

/** Appointments that recur: what is to become of this and the following, or of all that are still to come. */
import { type QueryClient, useQuery } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { useRef } from "react";
import { ask, ProblemError, type Reason } from "../api/client";
import { readOwn } from "../api/follow";
import type { components } from "../api/schema/booking";
import { type Day, type Instant, instantOf } from "../time";

type Schemas = components["schemas"];
export type Series = Schemas["SeriesReportOut"];
export type Scope = Schemas["Scope"];
export type OnConflict = Schemas["OnConflict"];
type Occurrence = Schemas["OccurrenceOut"];
type Result = Schemas["SeriesChangeOut"]["result"];
/** A date that cannot be had, and why. */
export type RefusedDate = { occurs_on: Day; reasons: Reason[] };
export type Reach = Pick<Schemas["CancelSeriesIn"], "scope" | "occurs_on">;
export type Change = Partial<Pick<Schemas["ChangeSeriesIn"], "local_time" | "duration_minutes" | "resource_ids" | "notify">>;

const keyOf = (id: string) => ["appointments", "series", id];

/** Read each time that it is opened, and kept no longer than it is shown: it holds what was noted of a client. */
export const useSeries = (id: string) => useQuery({ queryKey: keyOf(id), staleTime: 0, gcTime: 0, queryFn: ({ signal }) => ask<Series>("booking", `/series/${id}`, { signal }) });

/** Somebody else has changed it: the next attempt goes upon what is read now. */
export const readAgain = (client: QueryClient, id: string): Promise<void> => client.invalidateQueries({ queryKey: keyOf(id) });

/** Which of its dates an appointment is; null of one that has given its date to another. */
export const dateOf = (series: Series, appointmentId: string): Day | null => series.occurrences.find((occurrence) => occurrence.appointment_id === appointmentId)?.occurs_on ?? null;

/** The same, and still so where another desk has moved it meanwhile. */
export function useDate(series: Series | undefined, appointmentId: string): Day | null {
  const seen = useRef<Day | null>(null);
  if (series) seen.current ??= dateOf(series, appointmentId);
  return seen.current;
}

export const reachOf = (scope: Scope, date: Day | null): Reach => (scope === "all" ? { scope } : { scope, occurs_on: date });

const OPEN: ReadonlySet<string | null> = new Set(["pending", "scheduled", "confirmed"]);
const isToCome = ({ appointment_status, appointment_starts_at }: Occurrence, at: Instant): boolean => OPEN.has(appointment_status) && appointment_starts_at !== null && instantOf(appointment_starts_at) > at;

/** How many dates that are still to come are in reach, where that is more than one. */
export const countReached = (series: Series, { occurs_on: from }: Reach, at: Instant): number => series.occurrences.filter((occurrence) => isToCome(occurrence, at) && (!from || occurrence.occurs_on >= from)).length;

const send = async (client: QueryClient, request: Promise<Series>): Promise<Series> => {
  const done = await request;
  client.setQueryData(keyOf(done.id), done);
  return done;
};

export const cancelSeries = (client: QueryClient, series: Series, reach: Reach, body: { reason?: string; notify: boolean }, key: string): Promise<Series> =>
  send(client, ask("booking", `/series/${series.id}/cancel`, { method: "POST", version: series.version, key, body: { ...reach, ...body } }));

/** What is to become of dates that are not free: all stays as it is, they do, or they are taken all the same. */
export type Conflicts = { on_conflict: OnConflict; override?: { reason: string } };

export const changeSeries = (client: QueryClient, series: Series, reach: Reach, change: Change, conflicts: Conflicts, key: string): Promise<Series> =>
  send(client, ask("booking", `/series/${series.id}`, { method: "PATCH", version: series.version, key, body: { ...reach, ...change, ...conflicts } }));

/** Appointments that are others now. Those that were moved are so twice: as what they were, and at their new time. */
export function changedBy(before: Series, after: Series): string[] {
  const was = new Map(before.occurrences.map((occurrence) => [occurrence.occurs_on, occurrence.appointment_id]));
  const touched = after.changes.filter(({ result }) => result !== "kept" && result !== "skipped");
  const ids = touched.flatMap(({ occurs_on, appointment_id }) => [appointment_id, was.get(occurs_on)]);
  return [...new Set(ids.filter((id) => typeof id === "string"))];
}

export const showChanged = (client: QueryClient, before: Series, after: Series): Promise<void> => readOwn(client, changedBy(before, after));

export const newBooked = ({ booked, forced }: Series): number => booked + forced;

/** The dates of a new series that were left out. */
export const leftOut = (series: Series): RefusedDate[] => series.occurrences.filter(({ outcome }) => outcome === "skipped");

/** The dates that a change has left as they were, since they could not be had. */
export const refusedOf = (series: Series): RefusedDate[] => series.changes.filter(({ result }) => result === "skipped");

/** All or nothing was asked for: the dates that stand in its way. */
export function standingInTheWay(error: unknown): RefusedDate[] {
  const dates = error instanceof ProblemError ? (error.problem as { occurrences?: RefusedDate[] }).occurrences : null;
  return Array.isArray(dates) ? dates : [];
}

const RESULTS: readonly Result[] = ["moved", "edited", "booked", "forced", "cancelled", "kept", "skipped"];

/** "Moved: 9 · Not free: 2". */
export function sayResults(t: TFunction, series: Series): string {
  const count = (result: Result) => series.changes.filter((change) => change.result === result).length;
  return RESULTS.filter((result) => count(result) > 0)
    .map((result) => `${t(`series.result.${result}`)}: ${count(result)}`)
    .join(" · ");
}

/** The others of its dates keep the rooms they have; who is named takes the place of the one member of staff. */
export function staffedBy(series: Series, staffIds: ReadonlySet<string>, chosen: string): string[] {
  const rest = (series.resource_ids ?? []).filter((id) => !staffIds.has(id));
  return [...rest, chosen];
}

export type Fields = { time: string; minutes: string; staff: string | null };

/** What is different from what was shown when the form was opened. What another desk has changed meanwhile stays. */
export function differences(begun: Fields, now: Fields & { clock: string | null }, named: (staff: string) => string[]): Change {
  return {
    ...(now.clock !== null && now.clock !== begun.time ? { local_time: now.clock } : {}),
    ...(now.minutes !== begun.minutes ? { duration_minutes: Number(now.minutes) } : {}),
    ...(now.staff !== null && now.staff !== begun.staff ? { resource_ids: named(now.staff) } : {}),
  };
}

export const clockText = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

export type Page = { items: Occurrence[]; number: number; pages: number };

/** Of many dates a few at once; first those around the one that is shown, also where that has been moved away. */
export function pageOf(occurrences: Occurrence[], size: number, current: { id: string; starts_at: string }, chosen: number | null): Page {
  const pages = Math.max(1, Math.ceil(occurrences.length / size));
  const shown = occurrences.findIndex(({ appointment_id }) => appointment_id === current.id);
  const around = shown >= 0 ? shown : occurrences.findIndex(({ starts_at }) => instantOf(starts_at) >= instantOf(current.starts_at));
  const number = Math.min(pages - 1, chosen ?? Math.max(0, Math.floor(around / size)));
  return { items: occurrences.slice(number * size, (number + 1) * size), number, pages };
}

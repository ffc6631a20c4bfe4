/** Appointments that stand in the way of a time, by the ids that a refusal names. */
import type { Clock } from "../time";
import { type Appointment, type Page, endOf, staffOf, startOf } from "./appointments";
import { ask, ProblemError, type Reason } from "./client";
import { isId } from "./names";

const MOST = 100;

/** What else is named there, a busy time or a holiday, has words of its own. */
export function idsInTheWay(reasons: readonly Pick<Reason, "code" | "conflicts_with">[]): string[] {
  const ids = reasons.filter((reason) => reason.code === "slot_taken").flatMap((reason) => reason.conflicts_with ?? []);
  return [...new Set(ids.filter(isId))].sort().slice(0, MOST);
}

export const reasonsOf = (error: unknown): readonly Reason[] => (error instanceof ProblemError ? (error.problem.reasons ?? []) : []);

/** The earliest first. Holds, and what the caller may not see, are not among them. */
export async function readInTheWay(ids: readonly string[], signal?: AbortSignal): Promise<Appointment[]> {
  if (ids.length === 0) return [];
  return (await ask<Page>("booking", "/appointments", { query: { id: ids, sort: "starts_at", limit: MOST }, signal })).items;
}

/** "Mon 23 Nov, 11:00–11:30 · C. Conti" */
export function whenAndWhose(appointment: Appointment, clock: Clock): string {
  const time = `${clock.dayAndTime(startOf(appointment))}–${clock.time(endOf(appointment))}`;
  return [time, ...staffOf(appointment).map((person) => `\u2068${person.name}\u2069`)].join(" · ");
}

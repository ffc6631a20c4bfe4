/** How far the messages of a long order are: booking asks for them in portions, and notifications sends them by its limits. */
import type { components as Booking } from "../api/schema/booking";
import type { components as Notifications } from "../api/schema/notifications";

export type Job = Booking["schemas"]["BulkJobOut"];
export type Counts = Notifications["schemas"]["MessageCountsOut"];
type Status = Notifications["schemas"]["Status"];
export type Tally = { sent: number; left: number; notSent: number };

/**
 * What booking has not come to yet is counted by appointments, each as one message: whoever has several of them may get
 * one for all. What may have been sent, or not, is among what was sent. No `job`: booking does not tell of the order any more.
 */
export function tallyOf(job: Job | null, counts: Counts): Tally {
  const of = (...states: Status[]) => states.reduce((sum, state) => sum + (counts.by_status[state] ?? 0), 0);
  const notAskedFor = job?.status === "running" ? job.total - job.succeeded - job.refused : 0;
  // Asked for a moment ago, and not told of yet.
  const onTheWay = job?.status === "finished" && counts.total === 0 ? job.succeeded : 0;
  return { sent: of("sent", "delivered", "unknown"), left: of("planned", "claimed") + notAskedFor + onTheWay, notSent: of("failed", "suppressed") };
}

/** Nothing of it is going to change by itself. */
export const isOver = (job: Job | null, counts: Counts): boolean => job?.status !== "running" && tallyOf(job, counts).left === 0;

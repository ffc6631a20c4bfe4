/** Until when a client may cancel by themselves, by the service's rule: booking judges by the same. */
import type { Appointment } from "../api/appointments";
import { type Instant, MINUTE, instantOf } from "../time";

export type Notice = { until: Instant; minutes: number; late: boolean };

/** Null where the service asks for none. */
export function noticeOf(appointment: Pick<Appointment, "starts_at">, minutes: number, now: Instant): Notice | null {
  if (!minutes) return null;
  const until = instantOf(appointment.starts_at) - minutes * MINUTE;
  return { until, minutes, late: now > until };
}

/** Messages that are written by hand: booking takes them, one or many, and notifications sends each once. */
import { ask, ProblemError } from "../api/client";
import type { components } from "../api/schema/booking";

type Schemas = components["schemas"];
export type Verb = Schemas["BulkVerb"];
export type Audience = "client" | "staff";

/** What one of them may hold, whatever its channel. */
export const MOST_SIGNS = 1_000;
/** In the order in which they are offered. */
const VERBS: Readonly<Record<string, { client: Verb; staff: Verb }>> = {
  sms: { client: "sms_client", staff: "sms_staff" },
  email: { client: "email_client", staff: "email_staff" },
  push: { client: "push_client", staff: "push_staff" },
  voice: { client: "call_client", staff: "call_staff" },
};
export const WRITTEN_ON = Object.keys(VERBS);

export function verbOf(channel: string, audience: Audience): Verb {
  const verbs = VERBS[channel];
  if (!verbs) throw new Error(`nothing is written by ${channel}`);
  return verbs[audience];
}

const TO_CLIENTS = new Set<Verb>(Object.values(VERBS).map((verbs) => verbs.client));
const TO_STAFF = new Set<Verb>(Object.values(VERBS).map((verbs) => verbs.staff));

/** To whom a verb writes; null for one that writes to nobody. */
export const audienceOf = (verb: Verb): Audience | null => (TO_CLIENTS.has(verb) ? "client" : TO_STAFF.has(verb) ? "staff" : null);

/** To the client of one appointment. What is refused of it is thrown, as all that is refused. */
export async function writeToClient(appointmentId: string, channel: string, text: string, key: string): Promise<void> {
  const body = { verb: verbOf(channel, "client"), ids: [appointmentId], arguments: { text } };
  const answer = await ask<Schemas["BulkOut"]>("booking", "/appointments/bulk", { method: "POST", body, key });
  const refused = answer.results.find((result) => !result.ok)?.problem;
  if (refused) throw new ProblemError({ title: refused.detail, status: 409, trace_id: null, ...refused });
}

/** Messages that are written by hand: booking takes them, one or many, and notifications sends each once. */
import { addressOf, ask, ProblemError, send } from "../api/client";
import { pause } from "../api/rests";
import type { components } from "../api/schema/booking";
import { isFilledIn } from "./texts";

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

/** A key for each message: the same one sent once more, after an answer that did not come, is one message. */
export class OneKey {
  private kept = { body: "", key: "" };

  of(body: string): string {
    if (this.kept.body !== body) this.kept = { body, key: crypto.randomUUID() };
    return this.kept.key;
  }

  /** What was sent is done: the same words sent again are another message. */
  forget(): void {
    this.kept = { body: "", key: "" };
  }
}

const LOOK_AGAIN = 500;
type Result = Schemas["BulkResultOut"];
type Job = Schemas["BulkJobOut"];
export type Outcome = { done: number; failed: Result[]; orderId?: string };

/**
 * To the clients, or the staff, of many appointments: one order for all of them, so that who has several of these
 * appointments gets one message; one for each where the text says another thing of each. The same key again is the
 * same order, which is looked at where it was left. `onOrder` is told of one that is long, which can be stopped.
 */
export async function writeToMany(verb: Verb, ids: readonly string[], text: string, key: string, onProgress: (done: number) => void, onOrder?: (id: string) => void): Promise<Outcome> {
  const body = { verb, ids, arguments: { text, with_variables: isFilledIn(text) } };
  const answer = await send<Schemas["BulkOut"] | Job>(addressOf("booking", "/appointments/bulk"), { method: "POST", body, key });
  if (answer.response.status !== 202) {
    const { results } = answer.body as Schemas["BulkOut"];
    return { done: results.filter((result) => result.ok).length, failed: results.filter((result) => !result.ok) };
  }
  const orderId = (answer.body as Job).id;
  onOrder?.(orderId);
  let job = await ask<Job>("booking", `/bulk/${orderId}`);
  while (job.status === "running") {
    onProgress(job.succeeded + job.refused);
    await pause(LOOK_AGAIN);
    job = await ask<Job>("booking", `/bulk/${job.id}`);
  }
  return { done: job.succeeded, failed: await refusedOf(orderId), orderId };
}

async function refusedOf(jobId: string): Promise<Result[]> {
  const refused: Result[] = [];
  let cursor: string | undefined;
  do {
    const page = await ask<Schemas["Page_BulkResultOut_"]>("booking", `/bulk/${jobId}/results`, { query: { ok: false, limit: 100, cursor } });
    refused.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return refused;
}

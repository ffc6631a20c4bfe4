/** What is done with many appointments at once, in portions that booking takes. */
import type { Page } from "../api/appointments";
import { ask, type Query } from "../api/client";
import type { components } from "../api/schema/booking";
import type { Verb } from "../messages/send";

type Schemas = components["schemas"];
export type Result = Schemas["BulkResultOut"];
export type Given = Partial<Schemas["BulkArgumentsIn"]>;
/** `left`: what was not reached, since a portion was not answered; `error` says why. */
export type Outcome = { done: number; failed: readonly Result[]; left: readonly string[]; error: unknown };

const AT_ONCE = 100;

/** Each of them once, as far as booking answers: what was done before a portion failed is told as well. */
export async function doWithMany(verb: Verb, ids: readonly string[], given: Given, onProgress: (done: number) => void): Promise<Outcome> {
  const results: Result[] = [];
  let left: readonly string[] = ids;
  let error: unknown = null;
  while (left.length && !error) {
    const portion = left.slice(0, AT_ONCE);
    try {
      const answer = await ask<Schemas["BulkOut"]>("booking", "/appointments/bulk", { method: "POST", body: { verb, ids: portion, arguments: given } });
      results.push(...answer.results);
      left = left.slice(AT_ONCE);
      onProgress(ids.length - left.length);
    } catch (failure) {
      error = failure;
    }
  }
  return { done: results.filter((result) => result.ok).length, failed: results.filter((result) => !result.ok), left, error };
}

/** The ids of all that match now. */
export async function idsThatMatch(query: Query, onProgress: (read: number) => void, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  let cursor: string | undefined;
  do {
    const page: Page = await ask<Page>("booking", "/appointments", { query: { ...query, limit: AT_ONCE, cursor }, signal });
    for (const appointment of page.items) ids.add(appointment.id);
    cursor = page.next_cursor ?? undefined;
    onProgress(ids.size);
  } while (cursor);
  return ids;
}

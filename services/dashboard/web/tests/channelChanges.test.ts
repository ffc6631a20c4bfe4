import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { ProblemError } from "../src/api/client";
import { type ClientPreferences, changeChannel, keyOf } from "../src/clients/channelChanges";

const preferencesOf = (version: number, ...out: string[]) => ({ version, opted_out: Object.fromEntries(out.map((channel) => [channel, {}])) }) as unknown as ClientPreferences;

/** Notifications, and the page that shows what was read last. */
function page(shown: ClientPreferences, stands = shown) {
  const kept = { now: stands };
  const sent: string[] = [];
  vi.stubGlobal("fetch", async (_: string, request: RequestInit) => {
    const expected = new Headers(request.headers).get("If-Match");
    const { opted_out } = JSON.parse(String(request.body)) as { opted_out: string[] };
    sent.push(`${expected} ${opted_out.join()}`);
    if (expected !== `"${kept.now.version}"`) return new Response(JSON.stringify({ title: "", status: 412, detail: "", code: "version_conflict", trace_id: null }), { status: 412 });
    kept.now = preferencesOf(kept.now.version + 1, ...opted_out);
    return new Response(JSON.stringify(kept.now));
  });
  const queries = new QueryClient();
  queries.setQueryData(keyOf("grace"), shown);
  return { kept, sent, queries };
}

afterEach(() => vi.unstubAllGlobals());

test("two channels pressed one right after the other are both changed, and one pressed twice is changed once", async () => {
  const { kept, sent, queries } = page(preferencesOf(1));
  await Promise.all([changeChannel(queries, "grace", "sms", false), changeChannel(queries, "grace", "sms", false), changeChannel(queries, "grace", "voice", false), changeChannel(queries, "grace", "sms", true)]);
  expect(sent).toEqual(['"1" sms', '"2" sms,voice', '"3" voice']);
  expect(queries.getQueryData(keyOf("grace"))).toEqual(kept.now);
});

test("a change upon what the client has chosen meanwhile is refused, and what comes after it goes on", async () => {
  const { kept, sent, queries } = page(preferencesOf(1), preferencesOf(2, "email"));
  await expect(changeChannel(queries, "grace", "sms", false)).rejects.toBeInstanceOf(ProblemError);
  queries.setQueryData(keyOf("grace"), kept.now);
  await changeChannel(queries, "grace", "sms", false);
  expect(sent).toEqual(['"1" sms', '"2" email,sms']);
});

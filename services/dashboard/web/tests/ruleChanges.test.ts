import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { ProblemError } from "../src/api/client";
import { changeRule, removeRule, type Rule, type Rules } from "../src/setup/ruleChanges";

const KEY = ["reminder-rules"];
const ruleAt = (version: number, more: Partial<Rule> = {}) => ({ id: "rule", version, enabled: true, template_id: null, minutes_before: 60, ...more }) as Rule;

/** Notifications, where the rule stands, and the page that shows it as it was read last. */
function page(shown: Rule = ruleAt(1), stands: Rule = shown) {
  const kept = { rule: stands as Rule | null };
  const sent: string[] = [];
  vi.stubGlobal("fetch", async (_: string, request: RequestInit) => {
    const expected = new Headers(request.headers).get("If-Match");
    const wanted = (request.body ? JSON.parse(String(request.body)) : {}) as Partial<Rule>;
    sent.push(`${request.method} ${expected} ${JSON.stringify(wanted)}`);
    if (!kept.rule) return refusal(404, "not_found");
    if (expected !== `"${kept.rule.version}"`) return refusal(412, "version_conflict");
    kept.rule = request.method === "DELETE" ? null : ({ ...kept.rule, ...wanted, version: kept.rule.version + 1 } as Rule);
    return kept.rule ? new Response(JSON.stringify(kept.rule)) : new Response(null, { status: 204 });
  });
  const queries = new QueryClient();
  queries.setQueryData<Rules>(KEY, { items: [shown] });
  return { kept, sent, queries };
}

const refusal = (status: number, code: string) => new Response(JSON.stringify({ title: code, status, detail: "", code, trace_id: null }), { status });

afterEach(() => vi.unstubAllGlobals());

test("a rule that is pressed twice before the first answer came is switched once, without a conflict", async () => {
  const { kept, sent, queries } = page();
  const pressed = [changeRule(queries, "reminder-rules", "rule", { enabled: false }), changeRule(queries, "reminder-rules", "rule", { enabled: false })];
  expect((await Promise.all(pressed)).map((rule) => [rule.enabled, rule.version])).toEqual([[false, 2], [false, 2]]);
  expect(sent).toEqual([`PATCH "1" {"enabled":false}`]);
  expect(kept.rule).toMatchObject({ enabled: false, version: 2 });
});

test("what is changed of a rule while another change of it is under way comes after it, upon its version", async () => {
  const { kept, sent, queries } = page();
  await Promise.all([
    changeRule(queries, "reminder-rules", "rule", { enabled: false }),
    changeRule(queries, "reminder-rules", "rule", { template_id: "text" }),
    changeRule(queries, "reminder-rules", "rule", { enabled: true }),
  ]);
  expect(sent).toEqual([`PATCH "1" {"enabled":false}`, `PATCH "2" {"template_id":"text"}`, `PATCH "3" {"enabled":true}`]);
  expect(queries.getQueryData<Rules>(KEY)?.items).toEqual([kept.rule]);
});

test("a rule that is removed twice is removed once", async () => {
  const { sent, queries } = page();
  await Promise.all([changeRule(queries, "reminder-rules", "rule", { enabled: false }), removeRule(queries, "reminder-rules", "rule"), removeRule(queries, "reminder-rules", "rule")]);
  expect(sent).toEqual([`PATCH "1" {"enabled":false}`, `DELETE "2" {}`]);
  expect(queries.getQueryData<Rules>(KEY)?.items).toEqual([]);
});

test("a change upon what somebody else has changed meanwhile is refused, and keeps none that comes after it", async () => {
  const { sent, queries } = page(ruleAt(1), ruleAt(2, { template_id: "theirs" }));
  await expect(changeRule(queries, "reminder-rules", "rule", { enabled: false })).rejects.toBeInstanceOf(ProblemError);
  queries.setQueryData<Rules>(KEY, { items: [ruleAt(2, { template_id: "theirs" })] });
  expect(await changeRule(queries, "reminder-rules", "rule", { enabled: false })).toMatchObject({ enabled: false, template_id: "theirs" });
  expect(sent).toHaveLength(2);
});

/** Changes of rules, sent one after the other: each upon the version that the one before it has left. */
import type { QueryClient } from "@tanstack/react-query";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { turns } from "../api/turns";

export type Before = components["schemas"]["ReminderRuleOut"];
export type After = components["schemas"]["FollowUpRuleOut"];
export type Rule = Before | After;
export type RuleKind = "reminder-rules" | "follow-up-rules";
export type Rules = { items: Rule[] };
type Wanted = Partial<Pick<Rule, "enabled" | "template_id">>;

const inTurn = turns();

const ruleOf = (queries: QueryClient, of: RuleKind, id: string) => queries.getQueryData<Rules>([of])?.items.find((rule) => rule.id === id);
const patch = (queries: QueryClient, of: RuleKind, change: (items: Rule[]) => Rule[]) => queries.setQueryData<Rules>([of], (now) => now && { ...now, items: change(now.items) });
const readAnew = (queries: QueryClient, of: RuleKind) => queries.invalidateQueries({ queryKey: [of] });

export async function addRule(queries: QueryClient, of: RuleKind, body: unknown): Promise<Rule> {
  const rule = await ask<Rule>("notifications", `/${of}`, { method: "POST", body });
  await readAnew(queries, of);
  return rule;
}

/** The rule as it is then; nothing is sent where it is so already, as for whoever has pressed twice. */
export function changeRule(queries: QueryClient, of: RuleKind, id: string, wanted: Wanted): Promise<Rule> {
  return inTurn(async () => {
    const known = ruleOf(queries, of, id);
    if (known && Object.entries(wanted).every(([name, value]) => known[name as keyof Wanted] === value)) return known;
    try {
      const changed = await ask<Rule>("notifications", `/${of}/${id}`, { method: "PATCH", version: known?.version, body: wanted });
      patch(queries, of, (items) => items.map((rule) => (rule.id === id ? changed : rule)));
      return changed;
    } finally {
      await readAnew(queries, of);
    }
  });
}

/** Nothing is sent where it is gone already. */
export function removeRule(queries: QueryClient, of: RuleKind, id: string): Promise<void> {
  return inTurn(async () => {
    const known = ruleOf(queries, of, id);
    if (!known) return;
    try {
      await ask("notifications", `/${of}/${id}`, { method: "DELETE", version: known.version });
      patch(queries, of, (items) => items.filter((rule) => rule.id !== id));
    } finally {
      await readAnew(queries, of);
    }
  });
}

/** Which reminders an appointment has, and how it is given others. */
import { useQuery } from "@tanstack/react-query";
import { ask, ProblemError } from "../api/client";
import { pause } from "../api/rests";
import type { components } from "../api/schema/notifications";

type Schemas = components["schemas"];
type Rule = Pick<Schemas["ReminderRuleOut"], "business_id" | "service_id" | "channel" | "minutes_before" | "by_clock" | "template_id" | "enabled">;
export type NewReminder = Pick<Rule, "channel" | "minutes_before" | "by_clock" | "template_id">;

/** What an appointment has one of alone. */
export const kindOf = ({ channel, minutes_before, by_clock }: NewReminder): string => `${channel} ${minutes_before} ${by_clock}`;

/** The longest before first. */
export const inOrder = (reminders: readonly NewReminder[]): NewReminder[] => reminders.toSorted((one, other) => other.minutes_before - one.minutes_before || one.channel.localeCompare(other.channel));

/** Those of the service, else of the business, else of all: the closest that has any rule decides alone, as notifications does. */
export function defaultReminders(rules: readonly Rule[], serviceId: string | null, businessId: string): NewReminder[] {
  const levels = [
    rules.filter((rule) => rule.service_id !== null && rule.service_id === serviceId),
    rules.filter((rule) => rule.service_id === null && rule.business_id === businessId),
    rules.filter((rule) => rule.service_id === null && rule.business_id === null),
  ];
  const closest = levels.find((level) => level.length > 0) ?? [];
  return inOrder(closest.filter((rule) => rule.enabled).map(({ channel, minutes_before, by_clock, template_id }) => ({ channel, minutes_before, by_clock, template_id })));
}

/** Of all levels; there may be more than one answer holds. */
export const useReminderRules = () =>
  useQuery({
    queryKey: ["reminder-rules", "all"],
    queryFn: async ({ signal }) => {
      const rules: Rule[] = [];
      let cursor: string | null | undefined;
      do {
        const page: Schemas["Page_ReminderRuleOut_"] = await ask("notifications", "/reminder-rules", { query: { limit: 100, cursor }, signal });
        rules.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor);
      return rules;
    },
    staleTime: 60_000,
  });

const TRIES = 5;
const BETWEEN = 1_000;

/** What was just booked may take a moment to be known there. */
export async function giveReminders(appointmentId: string, items: readonly NewReminder[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await ask("notifications", `/appointments/${appointmentId}/reminders`, { method: "PUT", body: { items }, outlivesPage: true });
      return;
    } catch (failure) {
      const isUnknown = failure instanceof ProblemError && failure.problem.status === 404;
      if (!isUnknown || attempt >= TRIES) throw failure;
      await pause(BETWEEN);
    }
  }
}

export const USUAL = "usual";

/** The organization's own texts of a kind, as they are chosen from: those of the channel, and of no other business. */
export function useOwnTexts(kind: string) {
  const { data } = useQuery({ queryKey: ["templates", kind], queryFn: () => ask<Schemas["Page_TemplateOut_"]>("notifications", "/templates", { query: { kind, limit: 100 } }) });
  return (channel: string, businessId?: string) =>
    (data?.items ?? []).flatMap(({ id, audience, subject, locale, ...text }) =>
      // A name alone does not tell one apart from its like in another language.
      id !== null && text.channel === channel && audience === "client" && (businessId === undefined || text.business_id === null || text.business_id === businessId) ? [{ id, name: `${subject} (${locale})` }] : [],
    );
}

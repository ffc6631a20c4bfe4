/** How long before an appointment one may be reminded, and how that is said. */
import type { components } from "../api/schema/notifications";
import { duration } from "../time";

export type Lead = components["schemas"]["LeadOut"];

const HOUR = 60;
const DAY = 24 * HOUR;
const OFFERED: readonly Lead[] = [
  ...[5, 10, 15, 30, HOUR, 2 * HOUR, 4 * HOUR].map((minutes_before) => ({ minutes_before, by_clock: false })),
  // A day before is at the same time of day, also where clocks change in between.
  ...[DAY, 2 * DAY, 7 * DAY].map((minutes_before) => ({ minutes_before, by_clock: true })),
];

export const leadId = (lead: Lead) => `${lead.minutes_before}${lead.by_clock ? "c" : ""}`;
export const leadOf = (id: string): Lead => ({ minutes_before: Number.parseInt(id, 10), by_clock: id.endsWith("c") });

/** Those that are offered, and one that was chosen elsewhere. */
export function leadsWith(chosen: Lead | null): Lead[] {
  const leads = [...OFFERED];
  if (chosen && !leads.some((lead) => leadId(lead) === leadId(chosen))) leads.push(chosen);
  return leads.sort((one, other) => one.minutes_before - other.minutes_before || Number(one.by_clock) - Number(other.by_clock));
}

/** The same, short: "1 hr 30 min", "24 hr", "1 day". */
export const shortLead = ({ minutes_before, by_clock }: Lead, language: string) => duration(minutes_before, language, !by_clock);

/** "30 minutes", "1 hour", "2 days": days where they are counted by the clock. */
export function sayLead({ minutes_before, by_clock }: Lead, language: string): string {
  const [unit, size] = by_clock && minutes_before % DAY === 0 ? (["day", DAY] as const) : minutes_before % HOUR === 0 ? (["hour", HOUR] as const) : (["minute", 1] as const);
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(minutes_before / size);
}

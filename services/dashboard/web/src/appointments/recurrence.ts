/** How often a new appointment recurs, and until when. */
import type { components } from "../api/schema/booking";
import { type Day, addMonths, isDay } from "../time";
import type { OnConflict } from "./series";

export type End = "count" | "until" | "never";
export type Rule = { freq: "weekly" | "monthly" | "yearly"; interval: number; weekdays: number[]; end: End; count: number; until: string; onConflict: Exclude<OnConflict, "override"> };

const DATES = 10;
const MONTHS = 3;

export const firstRule = (freq: Rule["freq"], first: Day, weekday: number): Rule => ({ freq, interval: 1, weekdays: [weekday], end: "count", count: DATES, until: addMonths(first, freq === "weekly" ? MONTHS : MONTHS * 12), onConflict: "skip" });

/** Whether it can be sent: an end that is a date is one, and not before the first. */
export const isWhole = (rule: Rule, first: Day): boolean => rule.end !== "until" || (isDay(rule.until) && rule.until >= first);

export const ruleBody = (rule: Rule): Partial<components["schemas"]["RecurrenceIn"]> => ({
  freq: rule.freq,
  interval: rule.interval,
  ...(rule.end === "count" ? { count: rule.count } : {}),
  ...(rule.end === "until" ? { until: rule.until } : {}),
  ...(rule.freq === "weekly" ? { weekdays: rule.weekdays } : {}),
});

/** With a reason all dates are taken, also those that are not free. */
export const conflictBody = (rule: Rule, reason: string | undefined): { on_conflict: OnConflict } => ({ on_conflict: reason ? "override" : rule.onConflict });

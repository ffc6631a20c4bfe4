/** Texts that an organization keeps for messages written by hand. A text may name what is filled in of an appointment. */
import { useQuery } from "@tanstack/react-query";
import { ask, ProblemError } from "../api/client";
import type { components } from "../api/schema/notifications";
import type { Audience } from "./send";

type Schemas = components["schemas"];
export type KeptText = Schemas["TemplateOut"] & { id: string };

export const TEXTS = ["templates", "ad_hoc"] as const;

/** Of the channel and audience, by name; those of other businesses are left out. */
export function useTexts(channel: string, audience: Audience, businessId: string | undefined): readonly KeptText[] {
  const { data } = useQuery({ queryKey: TEXTS, queryFn: () => ask<Schemas["Page_TemplateOut_"]>("notifications", "/templates", { query: { kind: "ad_hoc", limit: 100 } }), staleTime: 60_000 });
  const fitting = data?.items.filter((item): item is KeptText => item.id !== null && item.channel === channel && item.audience === audience && (item.business_id === null || item.business_id === businessId));
  return fitting?.toSorted((one, other) => one.subject.localeCompare(other.subject)) ?? [];
}

/** Whether it says another thing of each appointment. */
export const isFilledIn = (text: string): boolean => /\{[{%]/.test(text);

export type Tried = { text: string; channel: string; audience: Audience; locale: string | null; appointment_id: string | null };

/** For a query about one appointment: notifications hears of what was just booked a moment later. */
export const untilKnown = {
  retry: (failures: number, error: Error) => failures < 10 && error instanceof ProblemError && error.code === "not_found",
  retryDelay: 500,
};

/** As it would be sent: for one appointment, or with examples. */
export function previewText(tried: Tried, signal?: AbortSignal): Promise<Schemas["PreviewOut"]> {
  return ask<Schemas["PreviewOut"]>("notifications", "/templates/preview", { method: "POST", body: { ...tried, subject: "-" }, signal });
}

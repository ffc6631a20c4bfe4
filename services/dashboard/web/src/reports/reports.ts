import type { Day } from "../time";

export const REPORTS = ["no-shows", "volume", "utilisation", "revenue", "follow-ups"] as const;
export type ReportSearch = { by?: string; from?: Day; to?: Day };

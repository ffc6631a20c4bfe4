import type { TFunction } from "i18next";
import type { HistoryEntry } from "../api/appointments";

/** The reason that was given, and the rules that were set aside. */
export const sayOverride = (t: TFunction, { reason, rules }: NonNullable<HistoryEntry["override"]>): string => t("history.override", { reason, rules: rules.map((rule) => t(`code.${rule}`, { defaultValue: rule })).join(" ") });

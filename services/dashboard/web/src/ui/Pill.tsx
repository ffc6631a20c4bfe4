import { useTranslation } from "react-i18next";
import type { Status } from "../api/appointments";
import { Icon, type IconName } from "./Icon";

export const STATUS_ICON: Record<Status, IconName> = {
  pending: "half",
  scheduled: "o",
  confirmed: "check",
  completed: "check2",
  cancelled: "x",
  rescheduled: "redo",
  no_show: "ban",
  dismissed: "dash",
};

/** A status is colour, icon and word; one this version does not know is shown as it is written. */
export function StatusPill({ status }: { status: Status }) {
  const { t } = useTranslation();
  return (
    <span className={`pill ${status}`}>
      <Icon name={STATUS_ICON[status] ?? "info"} />
      {t(`status.${status}`, { defaultValue: status })}
    </span>
  );
}

const HUES = [
  ["#dbe7fb", "#1d3a6b", "#1b2c4b", "#b7d0fa"],
  ["#fbe3d6", "#7a3413", "#44220f", "#f6c2a4"],
  ["#e2ecd4", "#3e5516", "#28340f", "#c9dfa3"],
  ["#f3dff0", "#6d2466", "#3f1a3b", "#edbfe7"],
  ["#d5ecec", "#0d5257", "#0f3235", "#a0dcdf"],
  ["#ece4fb", "#4b2f8f", "#2b1f4d", "#cdbcf6"],
  ["#f7ead0", "#6b4a06", "#3a2b0a", "#ebcd8d"],
] as const;

/** Initials in a colour of the person's own: decoration, the name stands beside. */
export function Avatar({ name }: { name: string }) {
  const words = name.replace(/^(dr|prof|mr|mrs|ms)\.?\s+/i, "").split(/\s+/).filter(Boolean);
  const initials = (words.length > 1 ? [words[0], words.at(-1)] : words).map((word) => [...(word ?? "")][0] ?? "").join("");
  const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  const [light, lightInk, dark, darkInk] = HUES[sum % HUES.length] ?? HUES[0];
  return (
    <span className="av" aria-hidden="true" style={{ background: `light-dark(${light},${dark})`, color: `light-dark(${lightInk},${darkInk})` }}>
      {initials.toUpperCase()}
    </span>
  );
}

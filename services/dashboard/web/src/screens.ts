/** Where one can go: for the navigation, the command menu and the keys. */
import type { TFunction } from "i18next";
import type { Session } from "./api/session";
import { REPORTS } from "./reports/reports";
import type { IconName } from "./ui/Icon";

export type Screen = { to: string; name: string; icon: IconName; right?: string; badge?: "pending" | "unread"; keys?: string };

export const DAILY: readonly Screen[] = [
  { to: "/calendar", name: "calendar", icon: "cal", keys: "G C" },
  { to: "/appointments", name: "appointments", icon: "list", badge: "pending", keys: "G A" },
  { to: "/waiting-list", name: "waiting", icon: "half", right: "read_appointments" },
  { to: "/clients", name: "clients", icon: "users", right: "read_clients", keys: "G L" },
  { to: "/messages", name: "messages", icon: "msg", right: "read_messages", badge: "unread", keys: "G M" },
  { to: "/reports", name: "reports", icon: "chart", right: "read_reports", keys: "G R" },
  { to: "/imports", name: "imports", icon: "up", right: "read_imports" },
];
export const SETUP: readonly Screen[] = [
  { to: "/services", name: "services", icon: "tag" },
  { to: "/staff", name: "staff", icon: "pers" },
  { to: "/availability", name: "availability", icon: "clock" },
  { to: "/reminders", name: "reminders", icon: "bell" },
  { to: "/texts", name: "texts", icon: "note", right: "read_messages" },
  { to: "/calendars", name: "calendars", icon: "sync" },
  { to: "/settings", name: "settings", icon: "sl" },
];

export const settingsPages = (session: Session): string[] => {
  const keepsBusinesses = session.rights.includes("write_catalogue") && session.user.business_ids === null;
  const keepsChannels = session.rights.includes("write_templates") && session.user.business_ids === null;
  const administers = session.rights.includes("administer");
  return ["profile", ...(keepsBusinesses ? ["businesses"] : []), ...(keepsChannels ? ["channels"] : []), ...(administers ? ["users", "api-clients", "identity-provider"] : [])];
};

export type Place = { to: string; name: string; icon: IconName; keys?: string };

/** Every screen that this user may see, by the names it has here. */
export function placesOf(session: Session, t: TFunction): Place[] {
  const may = (screen: Screen) => !screen.right || session.rights.includes(screen.right);
  const within = (screen: string, page: string) => `${t(`nav.${screen}`)}: ${t(`${screen}.${page}`)}`;
  return [
    ...[...DAILY, ...SETUP].filter(may).map(({ to, name, icon, keys }) => ({ to, name: t(`nav.${name}`), icon, keys })),
    { to: "/actions", name: t("nav.actions"), icon: "list" as const },
    ...(session.rights.includes("read_reports") ? REPORTS.map((report) => ({ to: `/reports/${report}`, name: within("reports", report), icon: "chart" as const })) : []),
    ...settingsPages(session).map((page) => ({ to: `/settings/${page}`, name: within("settings", page), icon: "sl" as const })),
  ];
}

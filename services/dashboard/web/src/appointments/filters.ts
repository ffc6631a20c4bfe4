/** The list's filters are its address: shared, reloaded and gone back through. What is no filter is named, not ignored. */
import type { Query } from "../api/client";
import { STATUSES, type Status } from "../api/appointments";
import { type Clock, type Day, addDays, isDay, isoOf, startOfDay, startOfWeek } from "../time";

export const SOURCES = ["voice_ai", "manual", "portal", "import", "calendar_sync", "api", "webhook", "recurrence"] as const;
export const ORIGINS = ["independent", "work_order", "booking"] as const;
export const SORT_KEYS = ["starts_at", "client", "price", "created_at", "updated_at"] as const;
export type SortKey = (typeof SORT_KEYS)[number];
export const SORTS: readonly string[] = SORT_KEYS.flatMap((key) => [key, `-${key}`]);
export const DRAWER_TABS = ["details", "history", "reminders", "messages"] as const;
export type DrawerTab = (typeof DRAWER_TABS)[number];
export const isDrawerTab = (value: unknown): value is DrawerTab => (DRAWER_TABS as readonly unknown[]).includes(value);
export type Period = "today" | "tomorrow" | "week" | "all" | "dates";

export type ListSearch = {
  status?: Status[];
  period?: Period;
  from?: Day;
  to?: Day;
  business?: string[];
  staff?: string[];
  service?: string[];
  source?: string[];
  origin?: string[];
  client?: string[];
  action?: string[];
  q?: string;
  sort?: string;
  archived?: boolean;
  /** On a phone, rows are pressed to select them; Back ends it. */
  selecting?: boolean;
  appointment?: string;
  /** Of the drawer. */
  tab?: DrawerTab;
  /** What the address says that is no filter of ours. */
  wrong?: string[];
};

const KNOWN = new Set(["status", "period", "from", "to", "business", "staff", "service", "source", "origin", "client", "action", "q", "sort", "archived", "selecting", "appointment", "tab"]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The filters of an address; each value that is none is kept in `wrong`, by its name. */
export function readSearch(raw: Record<string, unknown>): ListSearch {
  const wrong: string[] = [];
  const list = (name: string, allowed: (value: string) => boolean): string[] | undefined => {
    if (raw[name] === undefined) return undefined;
    const values = (Array.isArray(raw[name]) ? raw[name] : [raw[name]]).map(String);
    const good = values.filter(allowed);
    if (good.length < values.length) wrong.push(`${name}=${values.filter((value) => !allowed(value)).join(",")}`);
    return good.length ? good : undefined;
  };
  const single = (name: string, allowed: (value: string) => boolean): string | undefined => {
    if (raw[name] === undefined) return undefined;
    const value = String(raw[name]);
    if (allowed(value)) return value;
    wrong.push(`${name}=${value}`);
    return undefined;
  };
  for (const name of Object.keys(raw)) if (!KNOWN.has(name) && name !== "wrong") wrong.push(name);
  const id = (value: string) => UUID.test(value);
  const search: ListSearch = {
    status: list("status", (value) => (STATUSES as readonly string[]).includes(value)) as Status[] | undefined,
    period: single("period", (value) => ["today", "tomorrow", "week", "all", "dates"].includes(value)) as Period | undefined,
    from: single("from", isDay),
    to: single("to", isDay),
    business: list("business", id),
    staff: list("staff", id),
    service: list("service", id),
    client: list("client", id),
    action: list("action", id),
    source: list("source", (value) => (SOURCES as readonly string[]).includes(value)),
    origin: list("origin", (value) => (ORIGINS as readonly string[]).includes(value)),
    q: single("q", (value) => value.length <= 200),
    sort: single("sort", (value) => SORTS.includes(value)),
    archived: raw.archived === true || raw.archived === "true" ? true : undefined,
    selecting: raw.selecting === true || raw.selecting === "true" ? true : undefined,
    appointment: single("appointment", id),
    tab: single("tab", isDrawerTab) as DrawerTab | undefined,
  };
  if (wrong.length) search.wrong = wrong;
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as ListSearch;
}

/** The days a period stands for, the last one excluded; nothing for all. */
export function daysOf(search: ListSearch, today: Day, firstWeekday: number): { from?: Day; to?: Day } {
  switch (search.period ?? (search.from || search.to ? "dates" : "today")) {
    case "today":
      return { from: today, to: addDays(today, 1) };
    case "tomorrow":
      return { from: addDays(today, 1), to: addDays(today, 2) };
    case "week": {
      const first = startOfWeek(today, firstWeekday);
      return { from: first, to: addDays(first, 7) };
    }
    case "dates":
      return { from: search.from, to: search.to && addDays(search.to, 1) };
    default:
      return {};
  }
}

/** As booking's API filters; `status` apart, for the tabs count all of them. */
export function queryOf(search: ListSearch, clock: Clock, today: Day): Query {
  const { from, to } = daysOf(search, today, clock.firstWeekday);
  return {
    from: from && isoOf(startOfDay(from, clock.zone)),
    to: to && isoOf(startOfDay(to, clock.zone)),
    business_id: search.business,
    resource_id: search.staff,
    service_id: search.service,
    client_id: search.client,
    action_id: search.action,
    source: search.source,
    origin: search.origin,
    q: search.q,
    archived: search.archived,
  };
}

const NARROWING = ["q", "status", "staff", "service", "business", "client", "action", "source", "origin", "archived"] as const;
export type Narrowing = { name: "period" | (typeof NARROWING)[number]; without: ListSearch };

/** Each filter that narrows the list, with the list as it would be without it. */
export function narrowingsOf(search: ListSearch): Narrowing[] {
  const given = NARROWING.filter((name) => search[name] !== undefined);
  const narrowings: Narrowing[] = given.map((name) => ({ name, without: { ...search, [name]: undefined } }));
  return search.period === "all" ? narrowings : [...narrowings, { name: "period", without: { ...search, period: "all", from: undefined, to: undefined } }];
}

/** Past lists read backwards, from the newest. */
export function sortOf(search: ListSearch): string {
  return search.sort ?? (search.period === "all" ? "-starts_at" : "starts_at");
}

export const keyOf = (sort: string): SortKey => sort.replace(/^-/, "") as SortKey;

/** What pressing a column's head does: the other way round, or this column in the order that people look for first. */
export function sortBy(key: SortKey, current: string): string {
  if (keyOf(current) === key) return current.startsWith("-") ? key : `-${key}`;
  return key === "starts_at" || key === "client" ? key : `-${key}`;
}

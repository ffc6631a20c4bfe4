import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { AppointmentPage } from "./appointments/AppointmentPage";
import { type DrawerTab, isDrawerTab, readSearch } from "./appointments/filters";
/* Tables, tabs and chips of all pages: not with the list's code, which comes when the list does. */
import "./appointments/list.css";
import type { NewSearch } from "./appointments/NewPage";
import { CalendarPage, type View } from "./calendar/CalendarPage";
import { REPORTS, type ReportSearch } from "./reports/reports";
import { Shell } from "./Shell";
import { type Day, dayOf, isDay, now } from "./time";
import { Empty } from "./ui/Page";
import { Problem } from "./ui/Problem";
import { useTranslation } from "react-i18next";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: ({ error }) => <Problem error={error} /> });

/** Today where the last shown business is; the calendar corrects it when it knows the zone. */
const today = (): Day => dayOf(now(), localStorage.getItem("slotstream-zone") ?? "UTC");
/** It becomes a part of paths: nothing else leads anywhere. */
const id = (value: unknown): string | undefined => (typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) ? value : undefined);
const text = (value: unknown): string | undefined => (typeof value === "string" && value ? value : undefined);

/** `face`: whose column a phone shows. */
export type CalendarSearch = { staff?: string[]; appointment?: string; gone?: boolean; face?: string };
const VIEWS: readonly string[] = ["day", "3days", "week"] satisfies View[];

const toCalendar = () => redirect({ to: "/calendar/$view/$day", params: { view: "day", day: today() }, replace: true });
const index = createRoute({ getParentRoute: () => root, path: "/", beforeLoad: () => { throw toCalendar(); } });
const calendarIndex = createRoute({ getParentRoute: () => root, path: "/calendar", beforeLoad: () => { throw toCalendar(); } });
const calendar = createRoute({
  getParentRoute: () => root,
  path: "/calendar/$view/$day",
  params: { parse: ({ view, day }) => ({ view: view as View, day }), stringify: ({ view, day }) => ({ view, day }) },
  beforeLoad: ({ params }) => {
    if (!VIEWS.includes(params.view) || !isDay(params.day)) throw toCalendar();
  },
  validateSearch: (raw: Record<string, unknown>): CalendarSearch => ({
    staff: Array.isArray(raw.staff) ? raw.staff.map(String) : text(raw.staff) ? [String(raw.staff)] : undefined,
    appointment: text(raw.appointment),
    gone: raw.gone === true ? true : undefined,
    face: text(raw.face),
  }),
  component: CalendarPage,
});
const list = createRoute({ getParentRoute: () => root, path: "/appointments", validateSearch: readSearch, component: lazyRouteComponent(() => import("./appointments/ListPage"), "ListPage") });
const fresh = createRoute({
  getParentRoute: () => root,
  path: "/appointments/new",
  validateSearch: (raw: Record<string, unknown>): NewSearch => ({ start: text(raw.start), staff: text(raw.staff), client: text(raw.client), service: text(raw.service), minutes: Number(raw.minutes) || undefined }),
  component: lazyRouteComponent(() => import("./appointments/NewPage"), "NewPage"),
});
const waiting = createRoute({ getParentRoute: () => root, path: "/waiting-list", component: lazyRouteComponent(() => import("./appointments/WaitingListPage"), "WaitingListPage") });
const single = createRoute({ getParentRoute: () => root, path: "/appointments/$id", validateSearch: (raw: Record<string, unknown>): { tab?: DrawerTab } => ({ tab: isDrawerTab(raw.tab) ? raw.tab : undefined }), component: AppointmentPage });
const clients = createRoute({ getParentRoute: () => root, path: "/clients", validateSearch: (raw: Record<string, unknown>): { q?: string } => ({ q: text(raw.q) }), component: lazyRouteComponent(() => import("./clients/ClientsPage"), "ClientsPage") });
const client = createRoute({ getParentRoute: () => root, path: "/clients/$id", component: lazyRouteComponent(() => import("./clients/ClientPage"), "ClientPage") });
const messages = createRoute({ getParentRoute: () => root, path: "/messages", validateSearch: (raw: Record<string, unknown>): { state?: string; channel?: string; order?: string } => ({ state: text(raw.state), channel: text(raw.channel), order: id(raw.order) }), component: lazyRouteComponent(() => import("./messages/MessagesPage"), "MessagesPage") });
const reportsIndex = createRoute({ getParentRoute: () => root, path: "/reports", beforeLoad: () => { throw redirect({ to: "/reports/$report", params: { report: "no-shows" }, replace: true }); } });
const reports = createRoute({
  getParentRoute: () => root,
  path: "/reports/$report",
  beforeLoad: ({ params }) => {
    if (!(REPORTS as readonly string[]).includes(params.report)) throw redirect({ to: "/reports/$report", params: { report: "no-shows" }, replace: true });
  },
  validateSearch: (raw: Record<string, unknown>): ReportSearch => ({ by: text(raw.by), from: isDay(String(raw.from)) ? String(raw.from) : undefined, to: isDay(String(raw.to)) ? String(raw.to) : undefined }),
  component: lazyRouteComponent(() => import("./reports/ReportsPage"), "ReportsPage"),
});
const imports = createRoute({ getParentRoute: () => root, path: "/imports", component: lazyRouteComponent(() => import("./imports/ImportsPage"), "ImportsPage") });
const oneImport = createRoute({ getParentRoute: () => root, path: "/imports/$id", component: lazyRouteComponent(() => import("./imports/ImportPage"), "ImportPage") });
const services = createRoute({ getParentRoute: () => root, path: "/services", component: lazyRouteComponent(() => import("./setup/CataloguePages"), "ServicesPage") });
const staff = createRoute({ getParentRoute: () => root, path: "/staff", component: lazyRouteComponent(() => import("./setup/CataloguePages"), "StaffPage") });
const actions = createRoute({ getParentRoute: () => root, path: "/actions", component: lazyRouteComponent(() => import("./setup/CataloguePages"), "ActionsPage") });
const availability = createRoute({ getParentRoute: () => root, path: "/availability", component: lazyRouteComponent(() => import("./setup/AvailabilityPage"), "AvailabilityPage") });
const availabilityOf = createRoute({ getParentRoute: () => root, path: "/availability/$resource", component: lazyRouteComponent(() => import("./setup/AvailabilityPage"), "AvailabilityPage") });
const reminders = createRoute({ getParentRoute: () => root, path: "/reminders", component: lazyRouteComponent(() => import("./setup/RemindersPage"), "RemindersPage") });
const texts = createRoute({ getParentRoute: () => root, path: "/texts", component: lazyRouteComponent(() => import("./messages/TextsPage"), "TextsPage") });
const calendars = createRoute({ getParentRoute: () => root, path: "/calendars", component: lazyRouteComponent(() => import("./setup/CalendarsPage"), "CalendarsPage") });
const settings = createRoute({ getParentRoute: () => root, path: "/settings", component: lazyRouteComponent(() => import("./settings/SettingsPage"), "SettingsPage") });
const settingsPage = createRoute({ getParentRoute: () => root, path: "/settings/$page", component: lazyRouteComponent(() => import("./settings/SettingsPage"), "SettingsPage") });

export const router = createRouter({
  routeTree: root.addChildren([index, calendarIndex, calendar, list, fresh, waiting, single, clients, client, messages, reportsIndex, reports, imports, oneImport, services, staff, actions, availability, availabilityOf, reminders, texts, calendars, settings, settingsPage]),
  defaultPreload: false,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  const { t } = useTranslation();
  return <Empty title={t("error.noPage")} />;
}

import { createElement, type ReactNode } from "react";
import { beforeAll, expect, test, vi } from "vitest";
import { NewPage } from "../src/appointments/NewPage";
import { ClientPage } from "../src/clients/ClientPage";
import { ImportPage } from "../src/imports/ImportPage";
import { Shell } from "../src/Shell";
import { aSession, browser, buttonsOf, draw } from "./drawn";

// What only a browser has nothing of yet is as it is there.
vi.mock("react", async (original) => {
  const react = await original<typeof import("react")>();
  return { ...react, useSyncExternalStore: <T,>(listen: (listener: () => void) => () => void, now: () => T, first?: () => T) => react.useSyncExternalStore(listen, now, first ?? now) };
});
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<object>()),
  useParams: () => ({ id: "one" }),
  useSearch: () => ({}),
  useNavigate: () => () => undefined,
  useRouter: () => ({ history: { canGoBack: () => false } }),
  useRouterState: () => "/calendar",
  Link: ({ children, "aria-label": name }: { children: ReactNode; "aria-label"?: string }) => createElement("a", { "aria-label": name }, children),
  Outlet: () => null,
}));
beforeAll(browser);

const COUNTS = { rows: 2, ok: 1, warnings: 0, conflicts: 1, overridden: 0, invalid: 0, booked: 0, failed: 0, already_done: 0, undone: 0, chosen: 0, unchecked: 0 };
const ROW = { number: 2, version: 1, state: "conflict", dropped: false, outcome: null, outcome_reasons: [], reasons: [], requested: null, values: { client_name: "Iris" } };

const PREVIEW = { headers: ["Client"], columns: {}, unmapped: {}, rows: [], date_orders: {}, warnings: [], reading: [], words: {} };

function importIn(state: string, rights: readonly string[]): string[] {
  const item = { id: "one", state, version: 3, file_name: "old.csv", counts: COUNTS, warnings: [], failure: null, business_id: "salon" };
  return buttonsOf(draw(createElement(ImportPage), aSession(rights), [
    [["imports", "one"], item],
    [["import-preview", "one", {}], PREVIEW],
    [["import-rows", "one", "all"], { pages: [{ items: [ROW] }], pageParams: [undefined] }],
  ]));
}
const MANAGER = ["read_imports", "write_imports", "override"];
const VERBS = ["Check rows", "Stop", "Go on", "Undo import", "Override row 2", "Edit row 2", "Leave out row 2", "Columns…", "Book 1 conflict too", "Book 1 row"];
const verbs = (state: string, rights: readonly string[]) => importIn(state, rights).filter((name) => VERBS.includes(name));

test.each(["uploaded", "checking", "checked", "booking", "finished", "stalled"])("whoever may only read imports is shown none of the verbs of one that is %s", (state) => {
  expect(verbs(state, ["read_imports"])).toEqual([]);
});

test("whoever may write imports books, changes and undoes them", () => {
  expect(verbs("checked", MANAGER)).toEqual(["Override row 2", "Edit row 2", "Leave out row 2", "Columns…", "Book 1 conflict too", "Book 1 row"]);
  expect(verbs("uploaded", MANAGER)).toEqual(["Check rows"]);
  expect(verbs("finished", MANAGER)).toEqual(["Undo import"]);
  expect(verbs("booking", MANAGER)).toEqual(["Stop"]);
  expect(verbs("stalled", MANAGER)).toEqual(["Go on"]);
});

test("a conflict is overridden only by whoever may override", () => {
  expect(verbs("checked", ["write_imports"])).toEqual(["Edit row 2", "Leave out row 2", "Columns…", "Book 1 row"]);
});

test("whoever may not book is offered no new appointment, neither by the frame nor on a client's page, and a form for one least of all", () => {
  const client = { id: "one", name: "Iris", version: 1, nearest_appointment: null, merged_into: null };
  const drawnFor = (rights: readonly string[]) => [
    ...buttonsOf(draw(createElement(Shell), aSession(rights))),
    ...buttonsOf(draw(createElement(ClientPage), aSession(rights), [[["clients", "single", "full", "one"], client]])),
    ...buttonsOf(draw(createElement(NewPage), aSession(rights))),
  ].filter((name) => ["New appointment", "New", "Book and new"].includes(name));
  expect(drawnFor(["book"])).toEqual(["New appointment", "New", "Book and new"]);
  expect(drawnFor(["read_appointments", "read_clients"])).toEqual([]);
});

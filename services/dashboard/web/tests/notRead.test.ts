import { createElement, type ReactElement, type ReactNode } from "react";
import { beforeAll, expect, test, vi } from "vitest";
import { UnreachableError } from "../src/api/client";
import { NewPage } from "../src/appointments/NewPage";
import { ClientPage } from "../src/clients/ClientPage";
import { type Answers, aSession, browser, draw } from "./drawn";

vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<object>()),
  useParams: () => ({ id: "one" }),
  useSearch: () => ({}),
  useNavigate: () => () => undefined,
  useRouter: () => ({ history: { canGoBack: () => false } }),
  Link: ({ children }: { children: ReactNode }) => createElement("a", null, children),
}));
beforeAll(browser);

const CLIENT = { id: "one", name: "Iris", version: 1, nearest_appointment: null, merged_into: null };
const problemsOf = (screen: ReactElement, answers: Answers): number => draw(screen, aSession(["read_clients", "book"]), answers).split('role="alert"').length - 1;
const SHOWN = [["clients", "single", "full", "one"], CLIENT] as const;

test("a client's page says where appointments or preferences could not be read", () => {
  expect(problemsOf(createElement(ClientPage), [SHOWN])).toBe(0);
  expect(problemsOf(createElement(ClientPage), [SHOWN, [["preferences", "one"], new UnreachableError()]])).toBe(1);
  expect(problemsOf(createElement(ClientPage), [SHOWN, [["appointments", "list", { client_id: "one" }, "-starts_at"], new UnreachableError()]])).toBe(1);
});

test("a form for a new appointment says where the services could not be read", () => {
  expect(problemsOf(createElement(NewPage), [])).toBe(0);
  expect(problemsOf(createElement(NewPage), [[["services"], new UnreachableError()]])).toBe(1);
});

/** A screen as it is first drawn, to text: for whom, and with which answers of the services at hand. */
import { QueryClient, QueryClientProvider, type QueryKey } from "@tanstack/react-query";
import { createElement, type ReactElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { vi } from "vitest";
import { type Session, SessionContext } from "../src/api/session";
import { BusinessProvider } from "../src/business";
import { startTexts } from "../src/i18n";

/** An error is what was answered instead. */
export type Answers = readonly (readonly [QueryKey, unknown])[];
export const BUSINESS = { id: "salon", name: "Salon", zone: "Europe/Berlin", country: "DE", locale: "en", archived: false, created_at: "2026-01-01T00:00:00Z" };

export function aSession(rights: readonly string[], user: Partial<Session["user"]> = {}): Session {
  return { rights: [...rights], user: { id: "me", name: "Ada", email: "ada@example.com", locale: "en", role: "viewer", business_ids: null, resource_id: null, ...user }, organization: { id: "org", name: "Org" } } as unknown as Session;
}

const STORAGE = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };

/** To be called before anything is drawn: what a browser has and Node has not. */
export async function browser(): Promise<void> {
  vi.stubGlobal("document", { documentElement: {} });
  await startTexts("en");
  // With a document, React Aria would take this for a browser.
  vi.unstubAllGlobals();
  vi.stubGlobal("localStorage", STORAGE);
}

export function draw(screen: ReactElement, session: Session, answers: Answers = []): string {
  const queries = new QueryClient({ defaultOptions: { queries: { retryOnMount: false } } });
  for (const [queryKey, answer] of [[["businesses"], [BUSINESS]] as const, ...answers]) {
    if (answer instanceof Error) queries.getQueryCache().build(queries, { queryKey }).setState({ status: "error", error: answer });
    else queries.setQueryData(queryKey, answer);
  }
  const around = createElement(BusinessProvider, null, screen);
  return renderToStaticMarkup(createElement(QueryClientProvider, { client: queries }, createElement(SessionContext, { value: session }, around)));
}

/** The names of what can be pressed, as they are read out. */
export const buttonsOf = (html: string): string[] =>
  [...html.matchAll(/<(button|a)( [^>]*)?>(.*?)<\/\1>/gs)].map(([, , attributes, inside]) => /aria-label="([^"]*)"/.exec(attributes ?? "")?.[1] ?? (inside ?? "").replace(/<[^>]*>/g, "").trim());

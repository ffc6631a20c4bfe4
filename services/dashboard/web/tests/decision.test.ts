import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import i18next from "i18next";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { initReactI18next } from "react-i18next";
import { beforeAll, expect, test } from "vitest";
import { type Session, SessionContext } from "../src/api/session";
import en from "../src/locales/en.json";
import { Decision } from "../src/messages/Decision";
import { type Outbound, withMessage } from "../src/messages/thread";
import type { Clock } from "../src/time";

const USER = "0198f0a4-8c1d-7d0e-9a55-5f0e5f1b7c00";
const CLOCK = { dayAndTime: () => "Mon 14 June, 09:00" } as unknown as Clock;
const message = (more: Partial<Outbound>) => ({ id: "m-1", status: "unknown", decision: null, version: 2, ...more }) as Outbound;

beforeAll(() => i18next.use(initReactI18next).init({ lng: "en", resources: { en: { translation: en } }, interpolation: { escapeValue: false } }));

/** As somebody with these rights sees it; colleagues are known by their names. */
function shown(about: Outbound, rights: readonly string[] = ["read_messages", "send_messages"]): string {
  const client = new QueryClient();
  client.setQueryData(["names", [USER]], [{ id: USER, name: "Ada Lovelace" }]);
  const part = createElement(Decision, { message: about, clock: CLOCK });
  const session = createElement(SessionContext.Provider, { value: { rights } as unknown as Session }, part);
  return renderToStaticMarkup(createElement(QueryClientProvider, { client }, session));
}

const buttons = (html: string) => [...html.matchAll(/<button[^>]*>(.*?)<\/button>/g)].map(([, text]) => text?.replace(/<[^>]*>/g, ""));

test("of a message that may have gone out it is said in plain words, with what can be decided", () => {
  const html = shown(message({}));
  expect(html).toContain("We do not know whether this went out.");
  expect(buttons(html)).toEqual(["It was sent", "Send again", "Not sent, leave it"]);
});

test("who may not send messages reads it and decides nothing", () => {
  const html = shown(message({}), ["read_messages"]);
  expect(html).toContain("We do not know whether this went out.");
  expect(buttons(html)).toEqual([]);
});

test("what is known is not asked about", () => {
  for (const status of ["planned", "claimed", "sent", "delivered", "failed", "suppressed"] as const) expect(shown(message({ status }))).toBe("");
});

test("who has decided stands beside what became of it, also where somebody has to decide again", () => {
  const decision = { decision: "send_again", user_id: USER, at: "2027-06-14T07:00:00Z" } as const;
  const sent = shown(message({ status: "sent", decision }));
  expect(sent).toContain("Ada Lovelace had it sent again.");
  expect(sent).toContain("Mon 14 June, 09:00");
  expect(buttons(sent)).toEqual([]);
  expect(buttons(shown(message({ decision })))).toHaveLength(3);
  const gone = { ...decision, decision: "confirm_sent", user_id: "0198f0a4-8c1d-7d0e-9a55-5f0e5f1b7c01" } as const;
  expect(shown(message({ status: "sent", decision: gone }))).toContain("A colleague said that it was sent.");
});

test("the answer stands in every list that shows the message, and nowhere else", () => {
  const answered = message({ status: "sent" });
  const other = message({ id: "m-2" });
  const counts = { total: 1, by_status: { unknown: 1 } };
  expect(withMessage({ items: [other, message({})], next_cursor: null }, answered)).toEqual({ items: [other, answered], next_cursor: null });
  expect(withMessage({ pages: [{ items: [other] }, { items: [message({})] }], pageParams: [] }, answered)).toEqual({ pages: [{ items: [other] }, { items: [answered] }], pageParams: [] });
  for (const kept of [counts, { items: [other] }, undefined, null]) expect(withMessage(kept, answered)).toBe(kept);
});

/** What was written to a client and what they wrote back, as one thread. */
import type { components } from "../api/schema/notifications";

type Schemas = components["schemas"];
export type Outbound = Schemas["MessageOut"];
export type Inbound = Schemas["InboundMessageOut"];
export type Entry = { from: "us"; at: string; message: Outbound } | { from: "client"; at: string; message: Inbound };

/** What is kept of lists, with this message as it is now; whatever else is kept stays as it is. */
export function withMessage(kept: unknown, message: Outbound): unknown {
  if (typeof kept !== "object" || kept === null) return kept;
  if ("pages" in kept && Array.isArray(kept.pages)) return { ...kept, pages: kept.pages.map((page) => withMessage(page, message)) };
  if (!("items" in kept) || !Array.isArray(kept.items)) return kept;
  const items: readonly { id?: string }[] = kept.items;
  return items.some((item) => item.id === message.id) ? { ...kept, items: items.map((item) => (item.id === message.id ? message : item)) } : kept;
}

/** Newest first. A message that is still to come stands at the time for which it is planned. */
export function threadOf(outbound: readonly Outbound[], inbound: readonly Inbound[]): Entry[] {
  const entries: Entry[] = [
    ...outbound.map((message): Entry => ({ from: "us", at: message.sent_at ?? message.due_at, message })),
    ...inbound.map((message): Entry => ({ from: "client", at: message.received_at, message })),
  ];
  return entries.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

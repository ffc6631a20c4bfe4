/** What was written to a client and what they wrote back, as one thread. */
import type { components } from "../api/schema/notifications";

type Schemas = components["schemas"];
export type Outbound = Schemas["MessageOut"];
export type Inbound = Schemas["InboundMessageOut"];
export type Entry = { from: "us"; at: string; message: Outbound } | { from: "client"; at: string; message: Inbound };

/** Newest first. A message that is still to come stands at the time for which it is planned. */
export function threadOf(outbound: readonly Outbound[], inbound: readonly Inbound[]): Entry[] {
  const entries: Entry[] = [
    ...outbound.map((message): Entry => ({ from: "us", at: message.sent_at ?? message.due_at, message })),
    ...inbound.map((message): Entry => ({ from: "client", at: message.received_at, message })),
  ];
  return entries.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

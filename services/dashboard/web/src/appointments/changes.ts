/** What a history tells of an appointment: which fields changed, as people name them, and what was sent meanwhile. Pure. */
import type { components } from "../api/schema/booking";

type Schemas = components["schemas"];
type Entry = Schemas["HistoryEntryOut"];
type Message = Schemas["MessageHistoryOut"];

/** What a field was and what it became, as the service keeps it. */
export type Changed = { old: unknown; new: unknown };
export type Fields = Readonly<Record<string, Changed>>;

/** Fields that say nothing to people: counters and keys of the machinery, and ids whose names stand beside them. */
const TECHNICAL = new Set(["version", "calendar_sequence", "calendar_uid", "updated_at", "created_at", "reschedule_count", "occupies", "id", "organization_id", "batch_id", "rescheduled_to", "rescheduled_from", "service_id", "action_id"]);
/** Fields that are one thing to people, and what that is called. */
const WHOLES: Readonly<Record<string, readonly string[]>> = {
  quoted_price: ["quoted_amount", "quoted_currency"],
  actual_price: ["actual_amount", "actual_currency"],
  location: ["location_kind", "location_text", "location_url"],
};
const WHOLE_OF = new Map(Object.entries(WHOLES).flatMap(([whole, parts]) => parts.map((part) => [part, whole] as const)));

/** Each by the name it has for people. What belongs together is a list of its parts, null where there was none. */
export function changesOf(fields: Fields): [string, Changed][] {
  const names = new Set(Object.keys(fields).filter((name) => !TECHNICAL.has(name)).map((name) => WHOLE_OF.get(name) ?? name));
  return [...names].map((name) => {
    const parts = WHOLES[name];
    if (!parts) return [name, fields[name] as Changed];
    const side = (which: keyof Changed) => {
      const values = parts.map((part) => fields[part]?.[which] ?? null);
      return values.some((value) => value !== null) ? values : null;
    };
    return [name, { old: side("old"), new: side("new") }];
  });
}

export type Told = { kind: "entry"; at: string; entry: Entry } | { kind: "message"; at: string; message: Message };

/** When it went, or what else became of it; what is still to come stands where it is due. */
const momentOf = (message: Message): string => message.outcomes.at(-1)?.at ?? message.due_at;

/** All that happened, the newest first. What was sent because of a change stands above it. */
export function timelineOf(entries: readonly Entry[], messages: readonly Message[]): Told[] {
  const told: Told[] = [...entries.map((entry): Told => ({ kind: "entry", at: entry.at, entry })), ...messages.map((message): Told => ({ kind: "message", at: momentOf(message), message }))];
  return told.sort((one, other) => Date.parse(one.at) - Date.parse(other.at)).reverse();
}

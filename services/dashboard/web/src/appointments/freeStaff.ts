/** Who is free at each time, as short as a button has room for. */
import { useQuery } from "@tanstack/react-query";
import type { Resource } from "../api/catalogue";
import { ask, type Query } from "../api/client";
import type { components } from "../api/schema/availability";
import { type Day, addDays } from "../time";

type Slots = components["schemas"]["SlotsOut"];

/** `short`: null where it is everybody. */
export type FreeStaff = { names: readonly string[]; short: string | null };

const SHOWN = 2;
const TITLE = /^((dr|prof|mr|mrs|ms|fr|hr)\.?\s+)+/i;

/** First names, where they tell people apart: "Ada, Bea +2". */
export function freeStaffOf(ids: readonly string[], people: readonly Pick<Resource, "id" | "name">[]): FreeStaff {
  const first = (name: string) => name.replace(TITLE, "").split(/\s+/)[0] || name;
  const firsts = people.map((person) => first(person.name));
  const called = new Map(people.map(({ id, name }) => [id, firsts.filter((other) => other === first(name)).length > 1 ? name : first(name)]));
  const free = people.filter((person) => ids.includes(person.id));
  const short = free.slice(0, SHOWN).map((person) => called.get(person.id)).join(", ");
  return { names: free.map((person) => person.name), short: free.length === people.length ? null : free.length > SHOWN ? `${short} +${free.length - SHOWN}` : short };
}

/** By the start of each time of a day; undefined where there is no choice, or nothing is known yet. */
export function useFreeStaff(query: Query, day: Day, people: readonly Resource[], enabled: boolean): ReadonlyMap<string, FreeStaff> | undefined {
  const { data } = useQuery({
    queryKey: ["slots", "staff", query, day],
    enabled: enabled && people.length > 1,
    queryFn: ({ signal }) => ask<Slots>("availability", "/slots", { query: { ...query, from: day, to: addDays(day, 1), detail: "resources" }, signal }),
  });
  if (!data || !enabled) return undefined;
  return new Map(data.days.flatMap((item) => item.slots).map((slot) => [slot.starts_at, freeStaffOf(slot.resource_ids ?? [], people)]));
}

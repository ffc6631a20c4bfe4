/** Businesses, staff, services and actions: small lists that most screens need whole. */
import { useQuery } from "@tanstack/react-query";
import type { components } from "./schema/booking";
import { ask } from "./client";

type Schemas = components["schemas"];
export type Business = Schemas["BusinessOut"];
export type Resource = Schemas["ResourceOut"];
export type Service = Schemas["ServiceOut"];
export type Action = Schemas["ActionOut"];
type Page<T> = { items: T[]; next_cursor?: string | null };

/** Every page of a list, one after the other. */
export async function readAll<T>(path: string, query: Record<string, string | number | boolean | undefined> = {}): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await ask<Page<T>>("booking", path, { query: { limit: 100, ...query, cursor } });
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return items;
}

const LONG = 5 * 60_000;
const list = <T,>(name: string) => ({ queryKey: [name], queryFn: () => readAll<T>(`/${name}`), staleTime: LONG });

export const useBusinesses = () => useQuery(list<Business>("businesses"));
export const useResources = () => useQuery(list<Resource>("resources"));
export const useServices = (enabled = true) => useQuery({ ...list<Service>("services"), enabled });
export const useActions = () => useQuery(list<Action>("actions"));

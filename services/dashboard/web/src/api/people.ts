/** Where what is kept here names a client. */
import type { Query as CachedQuery, InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";
import type { Appointment, Page } from "./appointments";

/** The appointments of these clients that an answer holds, whether a list, a window or a single one. */
export function naming({ queryKey, state }: CachedQuery, clientIds: ReadonlySet<string>): readonly Appointment[] {
  const [, kind] = queryKey;
  if (state.data === undefined) return [];
  const items =
    kind === "list" ? (state.data as InfiniteData<Page>).pages.flatMap((page) => page.items) : kind === "window" ? (state.data as Appointment[]) : kind === "single" ? [state.data as Appointment] : [];
  return items.filter((item) => clientIds.has(item.client.id));
}

const erased = new Set<string>();

/** Whether somebody was erased while this page was open. */
export const isErased = (clientId: string): boolean => erased.has(clientId);

/** An erased client: what is not on the screen goes, with what answers for the client alone; the rest is for others to read anew. */
export function forget(client: QueryClient, clientId: string, withPeople: readonly QueryKey[]): void {
  erased.add(clientId);
  const ids = new Set([clientId]);
  client.removeQueries({ queryKey: ["appointments"], type: "inactive", predicate: (query) => query.queryKey[1] === "history" || naming(query, ids).length > 0 });
  for (const queryKey of withPeople) client.removeQueries({ queryKey, type: "inactive" });
  void client.resetQueries({ queryKey: ["clients", "single"], predicate: (query) => query.queryKey.at(-1) === clientId });
}

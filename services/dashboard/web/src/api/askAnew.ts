import { type QueryClient, type QueryKey, useQueryClient } from "@tanstack/react-query";

/**
 * Asks anew for what is shown and begins with this key. What is being read for the first time is read once more when it
 * is there: a query without an answer takes the one that is on its way, which may tell of before the change.
 */
export async function askAnew(client: QueryClient, queryKey: QueryKey = []): Promise<void> {
  const onItsWay = client
    .getQueryCache()
    .findAll({ queryKey, fetchStatus: "fetching" })
    .filter((query) => query.state.data === undefined);
  await client.invalidateQueries({ queryKey });
  await Promise.all(onItsWay.map((query) => client.invalidateQueries({ queryKey: query.queryKey, exact: true })));
}

/** Asks once more for what is shown and could not be read. */
export const readFailed = (client: QueryClient): Promise<void> => client.refetchQueries({ type: "active", predicate: (query) => query.state.status === "error" });

export function useReadAgain(): () => void {
  const client = useQueryClient();
  return () => void readFailed(client);
}

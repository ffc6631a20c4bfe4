/** What colleagues and API clients are called, by their ids: for histories, which know ids alone. */
import { useQuery } from "@tanstack/react-query";
import { send } from "./client";

const MOST = 100;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isId = (text: string): boolean => UUID.test(text);

/** Nobody, of who is no longer here. */
export function useNames(asked: readonly (string | null)[]): ReadonlyMap<string, string> {
  const ids = [...new Set(asked.filter((id): id is string => id !== null && isId(id)))].sort().slice(0, MOST);
  const names = useQuery({
    queryKey: ["names", ids],
    enabled: ids.length > 0,
    staleTime: 600_000,
    queryFn: async () => (await send<{ items: { id: string; name: string }[] }>(`/api/names?${new URLSearchParams(ids.map((id) => ["id", id]))}`)).body.items,
  });
  return new Map(names.data?.map(({ id, name }) => [id, name]));
}

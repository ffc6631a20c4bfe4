/** Requests to the dashboard's own API, and that what they change is read anew. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../api/client";

export type PageOf<T> = { items: T[] };
export const get = async <T,>(path: string): Promise<T> => (await send<T>(path)).body;

export function useRun(keys: readonly string[]) {
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const run = async <T,>(address: string, request: Parameters<typeof send>[1]): Promise<T | undefined> => {
    setError(null);
    try {
      return (await send<T>(address, request)).body;
    } catch (failure) {
      setError(failure);
      return undefined;
    } finally {
      // Also where it was refused: somebody else may have been faster, and what they have made of it is to be had.
      await Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
  };
  return { run, error };
}

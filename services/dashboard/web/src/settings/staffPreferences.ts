/** What one has chosen to be sent, and changing it: shown at once, sent one change after the other. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";

export type Chosen = components["schemas"]["StaffPreferencesOut"];
type Body = components["schemas"]["StaffPreferencesIn"];
type Change = Partial<Pick<Chosen, "agenda_at" | "agenda_ahead" | "told_by" | "reminders">>;

const PATH = "/staff-preferences";
const KEY = ["staff-preferences"];

let turn = Promise.resolve();
let waiting = 0;

const bodyOf = ({ agenda_at, agenda_ahead, told_by, reminders }: Chosen): Body => ({ agenda_at, agenda_ahead, told_by, reminders });

/** Sends all that is chosen by now; whoever changes something meanwhile is sent after it, upon its version. */
async function send(queries: QueryClient): Promise<void> {
  waiting -= 1;
  const all = queries.getQueryData<Chosen>(KEY);
  if (waiting || !all) return;
  const answer = await ask<Chosen>("notifications", PATH, { method: "PUT", version: all.version, body: bodyOf(all) });
  queries.setQueryData<Chosen>(KEY, (later) => (waiting && later ? { ...later, version: answer.version } : answer));
}

export function useStaffPreferences() {
  const queries = useQueryClient();
  const { data: chosen } = useQuery({ queryKey: KEY, queryFn: () => ask<Chosen>("notifications", PATH) });
  const [error, setError] = useState<unknown>(null);
  const change = (wanted: Change) => {
    setError(null);
    queries.setQueryData<Chosen>(KEY, (now) => now && { ...now, ...wanted });
    waiting += 1;
    turn = turn.then(() =>
      send(queries).catch(async (failure: unknown) => {
        setError(failure);
        await queries.invalidateQueries({ queryKey: KEY });
      }),
    );
  };
  return { chosen, change, error };
}

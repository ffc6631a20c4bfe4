/** How the one who is signed in wants the screens to be. Kept with the user: the same in each of their browsers. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { sayError } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { send } from "./client";
import { useSession } from "./session";
import { turns } from "./turns";

export type Asking = "ask" | "tell" | "quiet";
export type Density = "comfortable" | "compact";
export const COLUMNS = ["service", "staff", "status", "source", "signals"] as const;
export type Column = (typeof COLUMNS)[number];
/** Null: never chosen. */
export type Preferences = { moves: Asking | null; density: Density | null; hidden_columns: Column[] | null };

const ADDRESS = "/api/session/preferences";
const KEY = ["preferences"];
/** What was chosen last is what is kept. */
const inTurn = turns();

/** What was chosen in another browser is there as soon as this one is looked at again. */
export function usePreferences(): [Preferences, (change: Partial<Preferences>) => void] {
  const { t } = useTranslation();
  const { preferences } = useSession();
  const client = useQueryClient();
  const { data } = useQuery({ queryKey: KEY, queryFn: async () => (await send<Preferences>(ADDRESS)).body, initialData: preferences });
  const change = (chosen: Partial<Preferences>) => {
    void client.cancelQueries({ queryKey: KEY });
    client.setQueryData<Preferences>(KEY, (known) => ({ ...(known ?? preferences), ...chosen }));
    const keep = () => send<Preferences>(ADDRESS, { method: "PATCH", body: chosen, outlivesPage: true });
    void inTurn(keep).catch((failure: unknown) => {
      toast(sayError(t, failure), { danger: true });
      void client.invalidateQueries({ queryKey: KEY });
    });
  };
  return [data, change];
}

/** Which channels a client is written to on: changes, sent one after the other, each upon the version before it. */
import type { QueryClient } from "@tanstack/react-query";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { turns } from "../api/turns";

export type ClientPreferences = components["schemas"]["PreferencesOut"];

export const keyOf = (clientId: string) => ["preferences", clientId];
export const addressOf = (clientId: string) => `/clients/${clientId}/preferences`;
const inTurn = turns();

/** Nothing is sent where it is so already, as for whoever has pressed twice. */
export function changeChannel(queries: QueryClient, clientId: string, channel: string, on: boolean): Promise<void> {
  return inTurn(async () => {
    const known = queries.getQueryData<ClientPreferences>(keyOf(clientId));
    const out = Object.keys(known?.opted_out ?? {});
    if (!known || out.includes(channel) === !on) return;
    const opted_out = on ? out.filter((other) => other !== channel) : [...out, channel];
    try {
      queries.setQueryData(keyOf(clientId), await ask<ClientPreferences>("notifications", addressOf(clientId), { method: "PUT", version: known.version, body: { opted_out } }));
    } finally {
      await queries.invalidateQueries({ queryKey: keyOf(clientId) });
    }
  });
}

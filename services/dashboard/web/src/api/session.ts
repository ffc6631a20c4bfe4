import { createContext, useContext } from "react";
import { send, useCsrfToken } from "./client";
import type { Preferences } from "./preferences";

export type Session = {
  session_id: string;
  csrf_token: string;
  user: {
    id: string;
    name: string;
    email: string;
    locale: string;
    role: string;
    business_ids: string[] | null;
    resource_id: string | null;
  };
  organization: { id: string; name: string };
  rights: string[];
  expires_at: string;
  /** False: their company's provider signed them in. */
  has_account: boolean;
  preferences: Preferences;
  /** Up to where whoever reads after this answer needs not be told: see live.ts. */
  live_place: string;
};

export async function readSession(): Promise<Session> {
  const { body } = await send<Session>("/api/session");
  useCsrfToken(body.csrf_token);
  return body;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("there is no session around this part");
  return session;
}

/** Whether the signed-in person may do it; the services check again. */
export function useRight(right: string): boolean {
  return useSession().rights.includes(right);
}

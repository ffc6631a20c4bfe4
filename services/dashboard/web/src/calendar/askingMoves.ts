/** Whether a move is asked about before it is done, and else whether the client is told: each user's own choice. */
import { useState } from "react";
import { useSession } from "../api/session";

export type Asking = "ask" | "tell" | "quiet";
export const ASKING: readonly Asking[] = ["ask", "tell", "quiet"];

const keyOf = (userId: string): string => `slotstream-moves.${userId}`;

/** Kept by the browser, for each who signs in there. */
export function useAsking(): [Asking, (asking: Asking) => void] {
  const { user } = useSession();
  const [asking, setAsking] = useState<Asking>(() => ASKING.find((known) => known === localStorage.getItem(keyOf(user.id))) ?? "ask");
  const change = (next: Asking) => {
    localStorage.setItem(keyOf(user.id), next);
    setAsking(next);
  };
  return [asking, change];
}

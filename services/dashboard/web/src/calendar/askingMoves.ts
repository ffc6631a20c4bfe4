/** Whether a move is asked about before it is done, and else whether the client is told: each user's own choice. */
import { type Asking, usePreferences } from "../api/preferences";

export const ASKING: readonly Asking[] = ["ask", "tell", "quiet"];

export function useAsking(): [Asking, (asking: Asking) => void] {
  const [{ moves }, change] = usePreferences();
  return [moves ?? "ask", (asking) => change({ moves: asking })];
}

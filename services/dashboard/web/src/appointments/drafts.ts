/** What is being typed, kept where a tab, a row or the drawer is left by mistake. It goes when it is saved or given up. */
import { useReducer } from "react";

const kept = new Map<string, unknown>();

export const draftOf = <T>(key: string): T | null => (kept.get(key) as T | undefined) ?? null;

export function keepDraft<T>(key: string, draft: T | null): void {
  if (draft === null) kept.delete(key);
  else kept.set(key, draft);
}

/** The draft of one field; null where nothing is being typed. */
export function useDraft<T>(key: string): [T | null, (draft: T | null) => void] {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const change = (draft: T | null) => {
    keepDraft(key, draft);
    draw();
  };
  return [draftOf<T>(key), change];
}

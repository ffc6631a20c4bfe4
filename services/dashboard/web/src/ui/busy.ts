/** What is pressed is busy while its promise runs, and a second press does nothing meanwhile. */
import { useState } from "react";

export type Once = (work: () => unknown) => Promise<void>;

/** `say` draws it, which is after the second press where one follows the other at once. */
export function onceAtATime(say: (busy: boolean) => void): Once {
  let busy = false;
  return async (work) => {
    if (busy) return;
    const done = work();
    if (!(done instanceof Promise)) return;
    busy = true;
    say(true);
    try {
      await done;
    } finally {
      busy = false;
      say(false);
    }
  };
}

/** For a form; a `Button` whose `onPress` gives a promise is busy by itself. */
export function useBusy(): [boolean, Once] {
  const [busy, say] = useState(false);
  const [once] = useState(() => onceAtATime(say));
  return [busy, once];
}

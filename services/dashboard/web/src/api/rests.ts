/** When work that many events ask for is done. */
import type { QueryKey } from "@tanstack/react-query";

export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Does it now, or once a while has passed since the last time. */
export function seldom(work: () => void, between: number): () => void {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(
      () => {
        timer = undefined;
        last = performance.now();
        work();
      },
      Math.max(0, last + between - performance.now()),
    );
  };
}

/** Whole readings do not cut one another short: what is wanted during one is done after it, once. */
export function oneAtATime(work: (queryKey: QueryKey) => Promise<void>, between: number): (queryKey: QueryKey) => void {
  let wanted: QueryKey | null = null;
  let working = false;
  const go = async () => {
    if (working) return;
    working = true;
    while (wanted) {
      const queryKey = wanted;
      wanted = null;
      await work(queryKey).catch(() => undefined);
      await pause(between * (0.5 + Math.random()));
    }
    working = false;
  };
  return (queryKey) => {
    // Everything, where it is wanted besides something.
    wanted = wanted && !wanted.length ? wanted : queryKey;
    void go();
  };
}

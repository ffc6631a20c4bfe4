import { useMemo } from "react";

const USUAL = 14;

/** Text may be larger than usual: what is laid out in pixels grows with it. */
export function useScale(): number {
  return useMemo(() => Math.max(1, Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL), []);
}

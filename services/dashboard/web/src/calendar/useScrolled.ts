/** Where the grid is scrolled to: each day where it opens, and from then on where its reader left it, whatever its scale. */
import { useLayoutEffect, useRef } from "react";
import type { Sight } from "./sight";

/** `name` is of what was opened, `opening` its first minute to see; pixels a minute and first minute as they are drawn. */
export type Drawn = { name: string; opening: number; pixelsPerMinute: number; from: number };

/** A little of what is before the first minute. */
const BEFORE = 24;

export function useScrolled(scroller: React.RefObject<HTMLElement | null>, sight: Sight, { name, opening, pixelsPerMinute, from }: Drawn): void {
  const top = (opening - from) * pixelsPerMinute - BEFORE;
  sight.scale(pixelsPerMinute, from);
  sight.open(name, top);
  const last = useRef<Drawn | null>(null);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const before = last.current;
    last.current = { name, opening, pixelsPerMinute, from };
    if (before?.name !== name) {
      box.scrollTop = top;
      return;
    }
    if (before.pixelsPerMinute === pixelsPerMinute && before.from === from) return;
    // What is in the middle stays there.
    const half = box.clientHeight / 2;
    const minute = (sight.scrolledTo + half) / before.pixelsPerMinute + before.from;
    box.scrollTop = (minute - from) * pixelsPerMinute - half;
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [name, pixelsPerMinute, from]);
}

/** What of a grid can be seen. Cards in sight are drawn at once, with all that stands on them; the rest as soon as those are painted. */
import { useEffect, useRef, useState } from "react";

/** No column of the grid is narrower (grid.css). */
const NARROWEST = 120;

export class Sight {
  private top = 0;
  private start = 0;
  private opened = "";

  constructor(
    private pixelsPerMinute: number,
    private from = 0,
  ) {}

  get scrolledTo(): number {
    return this.top;
  }

  /** Drawn at so many pixels a minute, from this minute on. */
  scale(pixelsPerMinute: number, from: number): void {
    this.pixelsPerMinute = pixelsPerMinute;
    this.from = from;
  }

  /** A grid of this name is about to be scrolled there. */
  open(name: string, top: number): void {
    if (name === this.opened) return;
    this.opened = name;
    this.top = top;
  }

  scrolled({ scrollTop, scrollLeft }: Element): void {
    this.top = scrollTop;
    this.start = Math.abs(scrollLeft);
  }

  /** Whether some of these minutes of a column may be seen; never no where they are. */
  holds(column: number, from: number, to: number): boolean {
    if (column * NARROWEST > this.start + window.innerWidth) return false;
    const at = (minute: number) => (minute - this.from) * this.pixelsPerMinute;
    return at(to) >= this.top && at(from) <= this.top + window.innerHeight;
  }
}

/** Each frame lays out the layers of all cards anew: one for each column would take longer than the columns do. */
const TOGETHER = 5;
const waiting: (() => void)[] = [];

function next(): void {
  // What is posted in a frame's callback comes after that frame was painted.
  requestAnimationFrame(() => {
    setTimeout(() => {
      for (const take of waiting.splice(0, TOGETHER)) take();
      if (waiting.length) next();
    });
  });
}

/** Whether its turn has come, once it is wanted: a few at a time, each time after a painted frame. */
export function useTurn(wanted: boolean): boolean {
  const [come, setCome] = useState(false);
  const taken = useRef(false);
  useEffect(() => {
    if (!wanted || taken.current) return;
    taken.current = true;
    if (waiting.push(() => setCome(true)) === 1) next();
  }, [wanted]);
  return come;
}

/** What is held of the calendar now, and whether it rests: beside React's state, of which every change would draw the grid. */
import type { Obstacle } from "./layout";
import type { Target } from "./TimeGrid";

type Place = Target & { columnId: string };
/** `obstacles` is what the screen knows to be in the way, `doubts` what the service says besides. */
export type Held = Place & { obstacles: readonly Obstacle[]; doubts: readonly string[] };

/** Who moves on sooner reads nothing. */
export const REST = 100;

export class Hand {
  private held: Held | null = null;
  private resting = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();

  readonly get = (): Held | null => this.held;

  /** What is held, once it stays where it is; null on its way. */
  readonly getResting = (): Held | null => (this.resting ? this.held : null);

  /** Tells of each place, and of resting. */
  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** At this place from now on. A pointer is on its way to another; `atOnce`: a key has brought it where it was meant to. */
  hold(held: Held, atOnce: boolean): void {
    this.change(held, atOnce);
    if (!atOnce) this.timer = setTimeout(() => this.change(this.held, true), REST);
  }

  letGo(): void {
    this.change(null, false);
  }

  /** What the service has against the place where it rests. */
  doubt(doubts: readonly string[]): void {
    if (this.held) this.change({ ...this.held, doubts }, true);
  }

  /** Whether it is this place that is held. */
  isAt(target: Place): boolean {
    const { held } = this;
    return held !== null && held.start === target.start && held.columnId === target.columnId && held.minutes === target.minutes;
  }

  private change(held: Held | null, resting: boolean): void {
    clearTimeout(this.timer);
    this.held = held;
    this.resting = resting;
    for (const listener of this.listeners) listener();
  }
}

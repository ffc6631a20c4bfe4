/** What is shown and said of a card that is being moved. For each place it comes to, these few are drawn and no column. */
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { type Clock, MINUTE, minutesInto } from "../time";
import { Icon } from "../ui/Icon";
import type { Column, Target } from "./TimeGrid";

export type Held = Target & { columnId: string; blocked: readonly string[] };

/** What is held now: beside React's state, of which every change would draw the grid. */
export class Hand {
  private held: Held | null = null;
  private readonly listeners = new Set<() => void>();

  readonly get = (): Held | null => this.held;

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  set(next: Held | null): void {
    if (next === this.held) return;
    this.held = next;
    for (const listener of this.listeners) listener();
  }

  /** Whether it is this place that is held. */
  isAt(target: Target & { columnId: string }): boolean {
    const { held } = this;
    return held !== null && held.start === target.start && held.columnId === target.columnId && held.minutes === target.minutes;
  }
}

/** Of a card in its column: before it in the line and after it, and the column's border. */
const BEFORE = 3;
const AFTER = 5;
const BORDER = 1;

const useHeld = (hand: Hand) => useSyncExternalStore(hand.subscribe, hand.get);

/**
 * Over the columns, at the place of the one that it is held above. One element from lifting to dropping, moved by its
 * transform: what is beneath is neither laid out nor painted anew.
 */
export function Ghost({ hand, columns, clock, scroller, pixelsPerMinute }: { hand: Hand; columns: ReadonlyMap<string, Column>; clock: Clock; scroller: React.RefObject<HTMLElement | null>; pixelsPerMinute: number }) {
  const { t } = useTranslation();
  const held = useHeld(hand);
  const column = held && columns.get(held.columnId);
  const beneath = held && scroller.current?.querySelector<HTMLElement>(`[data-column="${CSS.escape(held.columnId)}"]`);
  if (!held || !column || !beneath) return null;
  const from = minutesInto(held.start, column.day, clock.zone);
  const rtl = getComputedStyle(beneath).direction === "rtl";
  const style = {
    "--d": held.minutes,
    inlineSize: beneath.offsetWidth - BORDER - BEFORE - AFTER,
    transform: `translate(${beneath.offsetLeft + beneath.clientLeft + (rtl ? AFTER : BEFORE)}px, ${beneath.offsetTop + from * pixelsPerMinute}px)`,
  } as React.CSSProperties;
  return (
    <div className={held.blocked.length ? "a ghost over" : "a ghost over free"} style={style} aria-hidden="true">
      <b>
        <Icon name={held.blocked.length ? "warn" : "check"} />
        <span>
          <bdi>{held.appointment.client.name}</bdi>
        </span>
      </b>
      <small>
        <bdi>{clock.range(held.start, held.start + held.minutes * MINUTE)}</bdi>
      </small>
      {held.blocked.length > 0 && (
        <div className="why">
          <strong>
            <Icon name="warn" />
            {t("calendar.notFree")}
          </strong>
          {held.blocked.map((reason) => (
            <p key={reason}>{reason}</p>
          ))}
          <p>
            <kbd>Esc</kbd> {t("calendar.putBackHint")} <kbd>Shift</kbd> {t("calendar.overrideHint")}
          </p>
        </div>
      )}
    </div>
  );
}

const REST = 150;

/**
 * Where it is held, for those who do not see it; `otherwise` while nothing is. Asks for the second verdict, the
 * service's, when the card rests: what it says is added to what the screen knows.
 */
export function Spoken({ hand, columns, clock, otherwise, judge }: { hand: Hand; columns: ReadonlyMap<string, Column>; clock: Clock; otherwise: string; judge: (target: Target) => Promise<readonly string[]> }) {
  const held = useHeld(hand);
  useEffect(() => {
    if (!held) return;
    let current = true;
    const timer = window.setTimeout(() => {
      void judge(held).then((reasons) => {
        const now = hand.get();
        if (current && reasons.length && now && hand.isAt(held)) hand.set({ ...now, blocked: [...new Set([...now.blocked, ...reasons])] });
      });
    }, REST);
    return () => {
      current = false;
      clearTimeout(timer);
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [held?.start, held?.columnId, held?.minutes]);
  return (
    <div className="sr" role="status" aria-live="assertive">
      {held ? `${clock.range(held.start, held.start + held.minutes * MINUTE)}, ${columns.get(held.columnId)?.title ?? ""}. ${held.blocked.join(" ")}` : otherwise}
    </div>
  );
}

/**
 * Drawing, moving and resizing a card by pointer, touch and keyboard. While it moves, React draws nothing: one ghost is moved by
 * hand in each frame, which also scrolls. Moving ends in `onDrop`, which says where to.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { ANYWHERE, type Grip, type Span, pulled } from "./layout";

/** What is being moved, the minute where it was, and where it would go: minutes it moved by, its length, its column. */
export type Lift = { id: string; grip: Grip; fromColumn: string; toColumn: string; from: number; minutes: number; duration: number; byKeys: boolean };

export type Carried = { id: string; columnId: string; from: number; duration: number };

type Options = {
  /** Column ids, in order from the start of the line. */
  columns: readonly string[];
  step: number;
  pixelsPerMinute: number;
  /** The minutes of a column that a card has to stay in; none in a calendar, where it may run over midnight. */
  within?: Span;
  scroller: React.RefObject<HTMLElement | null>;
  /** Each time the place changes: what the ghost shows. */
  onMove: (lift: Lift) => void;
  onDrop: (lift: Lift, override: boolean) => void;
  onCancel: () => void;
};

const START_AFTER = 4;
const LONG_PRESS = 350;
const SCROLL_EDGE = 40;
const SCROLL_STEP = 12;

type Pointer = { x: number; y: number };

export function useMove({ columns, step, pixelsPerMinute, within = ANYWHERE, scroller, onMove, onDrop, onCancel }: Options) {
  const lift = useRef<(Lift & { start: Pointer & { top: number }; startDuration: number }) | null>(null);
  const [lifted, setLifted] = useState<Lift | null>(null);
  const frame = useRef(0);
  const edges = useRef<Edges | null>(null);
  const pointer = useRef<Pointer>({ x: 0, y: 0 });
  const latest = useRef({ onMove, onDrop, onCancel, columns });
  latest.current = { onMove, onDrop, onCancel, columns };
  // What is drawn anew may stand elsewhere.
  edges.current = null;

  const publish = useCallback(() => {
    if (lift.current) latest.current.onMove({ ...lift.current });
  }, []);

  const end = useCallback((drop: boolean, override: boolean) => {
    cancelAnimationFrame(frame.current);
    const done = lift.current;
    lift.current = null;
    setLifted(null);
    if (!done) return;
    const changed = done.minutes !== 0 || done.toColumn !== done.fromColumn || done.duration !== done.startDuration;
    if (drop && changed) latest.current.onDrop({ ...done }, override);
    else latest.current.onCancel();
  }, []);

  /** Puts what is held where the pointer is; says so only where that is another place. */
  const pull = useCallback(() => {
    const current = lift.current;
    const box = scroller.current;
    if (!current || !box || current.byKeys) return;
    const { x, y } = pointer.current;
    const { minutes, duration, toColumn } = current;
    edges.current ??= edgesIn(box);
    const passed = (y - current.start.y + box.scrollTop - current.start.top) / pixelsPerMinute;
    Object.assign(current, pulled(current.grip, { from: current.from, duration: current.startDuration }, passed, step, within));
    if (current.grip === "move") current.toColumn = columnAt(x + box.scrollLeft, edges.current) ?? current.toColumn;
    if (current.minutes !== minutes || current.duration !== duration || current.toColumn !== toColumn) publish();
  }, [pixelsPerMinute, publish, scroller, step, within]);

  /** Follows the pointer until it lets go; scrolls near the edges. */
  const follow = useCallback(() => {
    const box = scroller.current;
    if (!lift.current || !box || lift.current.byKeys) return;
    const { x, y } = pointer.current;
    edges.current ??= edgesIn(box);
    const { top, bottom, left, right } = edges.current.box;
    if (y < top + SCROLL_EDGE + 48) box.scrollTop -= SCROLL_STEP;
    if (y > bottom - SCROLL_EDGE) box.scrollTop += SCROLL_STEP;
    if (x < left + SCROLL_EDGE) box.scrollLeft -= SCROLL_STEP;
    if (x > right - SCROLL_EDGE) box.scrollLeft += SCROLL_STEP;
    pull();
    frame.current = requestAnimationFrame(follow);
  }, [pull, scroller]);

  const begin = useCallback(
    (carried: Carried, grip: Grip, at: Pointer, byKeys: boolean) => {
      lift.current = {
        id: carried.id,
        grip,
        fromColumn: carried.columnId,
        toColumn: carried.columnId,
        minutes: 0,
        duration: carried.duration,
        startDuration: carried.duration,
        from: carried.from,
        byKeys,
        start: { ...at, top: scroller.current?.scrollTop ?? 0 },
      };
      pointer.current = at;
      edges.current = null;
      setLifted({ ...lift.current });
      publish();
      if (!byKeys) frame.current = requestAnimationFrame(follow);
    },
    [follow, publish, scroller],
  );

  const onPointerDown = useCallback(
    (event: React.PointerEvent, carried: Carried, grip: Grip) => {
      if (event.button !== 0 || !event.isPrimary) return;
      const start = { x: event.clientX, y: event.clientY };
      const target = event.currentTarget as HTMLElement;
      const byTouch = event.pointerType === "touch";
      let timer = 0;
      let begun = false;
      const startNow = () => {
        begun = true;
        target.setPointerCapture?.(event.pointerId);
        begin(carried, grip, start, false);
      };
      // A long press lifts a card on a touch screen; a shorter one scrolls.
      if (byTouch) timer = window.setTimeout(startNow, LONG_PRESS);
      // A second finger is not the one that drags.
      const other = (next: PointerEvent) => next.pointerId !== event.pointerId;
      const moved = (next: PointerEvent) => {
        if (other(next)) return;
        pointer.current = { x: next.clientX, y: next.clientY };
        const far = Math.hypot(next.clientX - start.x, next.clientY - start.y) > START_AFTER;
        if (!begun && far) {
          if (byTouch) stop();
          else startNow();
        }
      };
      const released = (next: PointerEvent) => {
        if (other(next)) return;
        stop();
        if (begun) {
          // The click that follows a drop opens nothing.
          window.addEventListener("click", swallow, { capture: true, once: true });
          window.setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 0);
          // A quick hand lets go between two frames.
          pointer.current = { x: next.clientX, y: next.clientY };
          pull();
          end(true, next.shiftKey);
        }
      };
      const cancelled = (next: PointerEvent) => {
        if (other(next)) return;
        stop();
        if (begun) end(false, false);
      };
      // Registered from the first touch on, or the browser pans and cancels the pointer.
      const touched = (touch: TouchEvent) => begun && touch.preventDefault();
      // Selected text under the pointer would be carried by the browser itself, which cancels the pointer as well.
      const dragged = (drag: Event) => drag.preventDefault();
      const stop = () => {
        clearTimeout(timer);
        window.removeEventListener("pointermove", moved);
        window.removeEventListener("pointerup", released);
        window.removeEventListener("pointercancel", cancelled);
        window.removeEventListener("touchmove", touched);
        window.removeEventListener("dragstart", dragged);
      };
      window.addEventListener("pointermove", moved);
      window.addEventListener("pointerup", released);
      window.addEventListener("pointercancel", cancelled);
      window.addEventListener("touchmove", touched, { passive: false });
      window.addEventListener("dragstart", dragged);
    },
    [begin, end, pull],
  );

  /** Space lifts; arrows move; Shift with arrows changes the length; Enter drops; Esc puts back. True where it was ours. */
  const onKeyDown = useCallback(
    (event: React.KeyboardEvent, carried: Carried): boolean => {
      const current = lift.current;
      if (!current) {
        if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return false;
        begin(carried, "move", { x: 0, y: 0 }, true);
        return true;
      }
      if (!current.byKeys || current.id !== carried.id) return false;
      const rtl = getComputedStyle(event.currentTarget as Element).direction === "rtl";
      const sideways = (steps: number) => {
        const known = latest.current.columns;
        const index = known.indexOf(current.toColumn) + (rtl ? -steps : steps);
        current.toColumn = known[Math.min(Math.max(index, 0), known.length - 1)] ?? current.toColumn;
      };
      if (event.key === "ArrowDown" && event.shiftKey) current.duration = Math.min(current.duration + step, within.to - current.from - current.minutes);
      else if (event.key === "ArrowUp" && event.shiftKey) current.duration = Math.max(step, current.duration - step);
      else if (event.key === "ArrowDown") current.minutes = Math.min(current.minutes + step, within.to - current.from - current.duration);
      else if (event.key === "ArrowUp") current.minutes = Math.max(current.minutes - step, within.from - current.from);
      else if (event.key === "ArrowLeft") sideways(-1);
      else if (event.key === "ArrowRight") sideways(1);
      else if (event.key === "Enter") {
        end(true, event.shiftKey);
        return true;
      } else if (event.key === "Escape" || event.key === "Tab") {
        end(false, false);
        return event.key === "Escape";
      } else return true;
      publish();
      return true;
    },
    [begin, end, publish, step, within],
  );

  /** Puts back what the keys have lifted: for a card that the focus leaves. */
  const putBack = useCallback(() => {
    if (lift.current?.byKeys) end(false, false);
  }, [end]);

  useEffect(() => {
    if (!lifted || lifted.byKeys) return;
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      end(false, false);
    };
    window.addEventListener("keydown", escape, true);
    return () => window.removeEventListener("keydown", escape, true);
  }, [lifted, end]);

  return { lifted, onPointerDown, onKeyDown, putBack };
}

function swallow(event: MouseEvent): void {
  event.stopPropagation();
  event.preventDefault();
}

/** Where the scroller and its columns stand, the columns as if it were not scrolled: measured once, not in each frame. */
type Edges = { box: DOMRect; columns: readonly { id: string; left: number; right: number }[] };

function edgesIn(box: HTMLElement): Edges {
  const columns = [...box.querySelectorAll<HTMLElement>("[data-column]")].map((column) => {
    const { left, right } = column.getBoundingClientRect();
    return { id: column.dataset.column ?? "", left: left + box.scrollLeft, right: right + box.scrollLeft };
  });
  return { box: box.getBoundingClientRect(), columns };
}

const columnAt = (x: number, { columns }: Edges): string | null => columns.find(({ left, right }) => x >= left && x < right)?.id ?? null;

/** A finger that is drawn sideways over the screen; one that goes up or down scrolls, and one that rests lifts a card. */

export type Touch = { x: number; y: number; at: number };

const FAR = 60;
/** Before a card would be lifted: see useMove.ts. */
const QUICK = 350;

/** 1 where what lies after comes, -1 for what lies before, 0 where it was no swipe. Pure. */
export function swiped(from: Touch, to: Touch, mirrored: boolean): -1 | 0 | 1 {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (to.at - from.at > QUICK || Math.abs(dx) < FAR || Math.abs(dx) < 2 * Math.abs(dy)) return 0;
  return dx < 0 !== mirrored ? 1 : -1;
}

const touchOf = (event: React.TouchEvent): Touch | null => {
  const finger = event.changedTouches[0];
  return finger && event.touches.length < 2 ? { x: finger.clientX, y: finger.clientY, at: event.timeStamp } : null;
};

let began: Touch | null = null;

/** The handlers of what is swiped over. There is one finger at a time. */
export const swipes = (onSwipe: (by: 1 | -1) => void) => ({
  onTouchStart: (event: React.TouchEvent) => {
    began = touchOf(event);
  },
  onTouchCancel: () => {
    began = null;
  },
  onTouchEnd: (event: React.TouchEvent) => {
    const ended = touchOf(event);
    const by = began && ended ? swiped(began, ended, getComputedStyle(event.currentTarget).direction === "rtl") : 0;
    began = null;
    if (by) onSwipe(by);
  },
});

/** What is shown and said of a card that is being moved: the card follows each place by hand, React draws where it rests. */
import { useEffect, useLayoutEffect, useSyncExternalStore } from "react";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { type Clock, type Day, MINUTE, minutesInto, startOfDay } from "../time";
import { Icon } from "../ui/Icon";
import type { Hand, Held } from "./hand";
import type { Span } from "./layout";
import type { Column, Target } from "./TimeGrid";

type Columns = ReadonlyMap<string, Column>;

/** Of a card in its column: before it in the line and after it, and the column's border. */
const BEFORE = 3;
const AFTER = 5;
const BORDER = 1;
/** Of its length what is not stretched: its rounded ends, and the gap to the next card (gridextra.css). */
const CAPS = 14;

/**
 * Words and colours are painted anew, for which Chromium looks at each card of the page: they follow a hand when it
 * slows down, and one that does not now and then.
 */
const SAID_AFTER = 40;
const SAID_EVERY = 250;

type Ground = { columns: Columns; clock: Clock; scroller: HTMLElement; pixelsPerMinute: number; from: number };

/**
 * A paused animation holds the transform: while there is one, Chromium moves the layer, whereas after a plain change of
 * style it looks at each thing on the page for whether the layer has come to cover it, which takes longer than a frame
 * where there are hundreds of cards.
 */
function transforming(element: HTMLElement): { to: (transform: string) => void; stop: () => void } {
  const effect = new KeyframeEffect(element, null, { duration: 1, fill: "both" });
  const animation = new Animation(effect);
  animation.pause();
  return { to: (transform) => effect.setKeyframes({ transform: [transform, transform] }), stop: () => animation.cancel() };
}

/** Makes the ghost longer or shorter: its middle is stretched and its foot moved; laid out anew is only what rests. */
function stretching(ghost: HTMLElement, pixelsPerMinute: number) {
  const [middle, foot] = [".middle", ".foot"].map((part) => ghost.querySelector<HTMLElement>(part));
  let moved: ReturnType<typeof transforming>[] | null = null;
  let laid = Number(ghost.style.getPropertyValue("--d"));
  const lay = (minutes: number) => {
    if (minutes === laid) return;
    laid = minutes;
    ghost.style.setProperty("--d", String(minutes));
    ghost.classList.remove("stretched");
    moved?.forEach((part) => part.to("none"));
  };
  const to = (minutes: number) => {
    if ((minutes === laid && !moved) || !middle || !foot) return;
    moved ??= [transforming(middle), transforming(foot)];
    const [now, before] = [minutes, laid].map((of) => Math.max(of * pixelsPerMinute - CAPS, 1)) as [number, number];
    ghost.classList.toggle("stretched", now !== before);
    moved[0]?.to(`scaleY(${now / before})`);
    moved[1]?.to(`translateY(${now - before}px)`);
  };
  return { lay, to, stop: () => moved?.forEach((part) => part.stop()) };
}

/** Moves the ghost to whatever place is held, until it is told to stop. Of the page it reads what stands still, once. */
function follow(hand: Hand, ghost: HTMLElement, { columns, clock, scroller, pixelsPerMinute, from: first }: Ground): () => void {
  const range = ghost.querySelector("small bdi")?.firstChild;
  const beneath = new Map(
    [...scroller.querySelectorAll<HTMLElement>("[data-column]")].map(({ dataset, offsetLeft, offsetTop, offsetWidth, clientLeft }) => [dataset.column, { left: offsetLeft + clientLeft, top: offsetTop, width: offsetWidth - BORDER - BEFORE - AFTER }]),
  );
  const ahead = getComputedStyle(scroller).direction === "rtl" ? AFTER : BEFORE;
  const place = transforming(ghost);
  const length = stretching(ghost, pixelsPerMinute);
  let width = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
  let timer = 0;
  const say = () => {
    const held = hand.get();
    if (!held) return;
    saidAt = performance.now();
    ghost.classList.toggle("free", held.obstacles.length + held.doubts.length === 0);
    if (range) range.nodeValue = rangeOfHeld(held, clock);
    if (hand.getResting()) length.lay(held.minutes);
  };
  const draw = () => {
    const held = hand.get();
    const column = held && columns.get(held.columnId);
    const below = held && beneath.get(held.columnId);
    if (!held || !column || !below) return;
    const from = minutesInto(held.start, column.day, clock.zone);
    place.to(`translate(${below.left + ahead}px, ${below.top + (from - first) * pixelsPerMinute}px)`);
    if (below.width !== width) {
      width = below.width;
      ghost.style.inlineSize = `${width}px`;
    }
    length.to(held.minutes);
    clearTimeout(timer);
    if (hand.getResting() || performance.now() - saidAt > SAID_EVERY) say();
    else timer = window.setTimeout(say, SAID_AFTER);
  };
  length.lay(hand.get()?.minutes ?? 0);
  draw();
  const stop = hand.subscribe(draw);
  return () => {
    stop();
    clearTimeout(timer);
    place.stop();
    length.stop();
  };
}

type Props = Omit<Ground, "scroller"> & {
  hand: Hand;
  scroller: React.RefObject<HTMLElement | null>;
  ghost: React.RefObject<HTMLDivElement | null>;
  /** What is in its way is said elsewhere. */
  quiet: boolean;
};

/** Over the columns, at the place of the one that it is held above: one element from lifting to dropping. */
export function Ghost({ hand, ghost: element, quiet, columns, clock, scroller, pixelsPerMinute, from }: Props) {
  const { t } = useTranslation();
  const lifted = useSyncExternalStore(hand.subscribe, () => hand.get()?.appointment.id);
  const resting = useSyncExternalStore(hand.subscribe, hand.getResting);
  useLayoutEffect(() => {
    if (!lifted || !element.current || !scroller.current) return;
    return follow(hand, element.current, { columns, clock, scroller: scroller.current, pixelsPerMinute, from });
  }, [lifted, hand, element, columns, clock, scroller, pixelsPerMinute, from]);
  const held = hand.get();
  if (!lifted || !held) return null;
  const reasons = resting && !quiet ? reasonsAgainst(resting, columns, clock, t) : [];
  return (
    <div className="a ghost over" ref={element} aria-hidden="true">
      <i className="top" />
      <i className="middle" />
      <i className="foot" />
      <b>
        <span className="marks">
          <Icon name="check" />
          <Icon name="warn" />
        </span>
        <span>
          <bdi>{held.appointment.client.name}</bdi>
        </span>
      </b>
      <small>
        <bdi>{rangeOfHeld(held, clock)}</bdi>
      </small>
      {reasons.length > 0 && (
        <div className="why">
          <strong>
            <Icon name="warn" />
            {t("calendar.notFree")}
          </strong>
          {reasons.map((reason) => (
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

const ASKED_AFTER = 150;

/**
 * Where it rests, for those who do not see it; `otherwise` while it does not. Asks for the second verdict, the
 * service's, when it rests longer: what it says is added to what the screen knows.
 */
export function Spoken({ hand, columns, clock, otherwise, judge }: { hand: Hand; columns: Columns; clock: Clock; otherwise: string; judge: (target: Target) => Promise<readonly string[]> }) {
  const { t } = useTranslation();
  const held = useSyncExternalStore(hand.subscribe, hand.getResting);
  useEffect(() => {
    if (!held) return;
    let current = true;
    const timer = window.setTimeout(() => {
      void judge(held).then((doubts) => {
        if (current && doubts.length && hand.isAt(held)) hand.doubt(doubts);
      });
    }, ASKED_AFTER);
    return () => {
      current = false;
      clearTimeout(timer);
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [held?.start, held?.columnId, held?.minutes]);
  return (
    <div className="sr" role="status" aria-live="assertive">
      {held ? `${rangeOfHeld(held, clock)}, ${columns.get(held.columnId)?.title ?? ""}. ${reasonsAgainst(held, columns, clock, t).join(" ")}` : otherwise}
    </div>
  );
}

/** What the screen knows to be in the way, and what the service added. */
export function reasonsAgainst(held: Held, columns: Columns, clock: Clock, t: TFunction): string[] {
  const day = columns.get(held.columnId)?.day;
  const known = day ? held.obstacles.map((obstacle) => t(`calendar.blocked.${obstacle.kind}`, { name: obstacle.name, time: rangeOf(obstacle, day, clock) })) : [];
  return [...new Set([...known, ...held.doubts])];
}

const rangeOfHeld = (held: Held, clock: Clock): string => clock.range(held.start, held.start + held.minutes * MINUTE);

function rangeOf(span: Span, day: Day, clock: Clock): string {
  const start = startOfDay(day, clock.zone);
  return clock.range(start + span.from * MINUTE, start + span.to * MINUTE);
}

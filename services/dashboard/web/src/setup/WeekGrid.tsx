/** A week's hours drawn: dragged on free ground, moved, pulled by their edges, deleted. The hours themselves are the caller's. */
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { place, walk } from "../calendar/cards";
import { type Grip, type Span, gapsBetween } from "../calendar/layout";
import { type Carried, type Lift, useMove } from "../calendar/useMove";
import { Clock, DAY_MINUTES, type Day, MINUTE, addDays, startOfDay, weekdaysFrom } from "../time";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { useScale } from "../ui/scale";
import { type At, type Days, type Fault, type Hours, firstMinute, isRead, withSpan, without } from "./hours";
import "../calendar/grid.css";
import "../calendar/gridextra.css";
import "./weekgrid.css";

const STEP = 15;
const PIXELS_PER_MINUTE = 0.8;
/** What is shown before the first hours: enough that drawing them does not scroll. */
const BEFORE = 90;
const WHOLE_DAY: Span = { from: 0, to: DAY_MINUTES };
const HOURS = Array.from({ length: 24 }, (_, hour) => hour * 60);
const DRAWN = "new";

type Ghost = { day: number; span: Span; fault: Fault | null };
type Props = {
  days: Days;
  /** A Monday: the names of the days are read from its week. */
  monday: Day;
  /** The business's own hours, where these are somebody else's: what is outside them is grey. */
  open: readonly Hours[] | null;
  clock: Clock;
  mayWrite: boolean;
  onChange: (days: Days) => void;
};

const idOf = ({ day, from }: At): string => `${day}.${from}`;

export function WeekGrid({ days, monday, open, clock, mayWrite, onChange }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const [ghost, setGhost] = useState<Ghost | null>(null);
  const [selected, setSelected] = useState<string | null>(null);
  const [spoken, setSpoken] = useState("");
  const refocus = useRef<string | null>(null);
  /** The minute on which drawing began. */
  const pressed = useRef(0);
  const pixelsPerMinute = PIXELS_PER_MINUTE * useScale();
  const order = useMemo(() => weekdaysFrom(clock.firstWeekday), [clock]);
  // The hours are of no date: a zone without clock changes writes them in the reader's way.
  const wall = useMemo(() => new Clock(clock.locale, "UTC"), [clock]);
  const nameOf = (day: number) => clock.weekdayName(startOfDay(addDays(monday, day), clock.zone));
  const say = (day: number, span: Span) => `${nameOf(day)}, ${sayWall(wall, span)}`;

  const cards = order.flatMap((day) => { const hours = days[day]; return isRead(hours) ? hours.map((span) => ({ id: idOf({ day, from: span.from }), day, span })) : []; });
  /** What runs over midnight is typed: drawn it stays as it is, but for being removed. */
  const overnight = (day: number) => cards.filter((card) => card.day === day && card.span.to > DAY_MINUTES);
  const chosen = cards.find((card) => card.id === selected);
  const wasAt = (lift: Lift): At | null => { const card = cards.find((other) => other.id === lift.id); return card ? { day: card.day, from: card.span.from } : null; };
  const placed = (lift: Lift) => {
    const from = Math.round((wasAt(lift)?.from ?? pressed.current) + lift.minutes);
    const span = { from, to: from + Math.round(lift.duration) };
    const day = Number(lift.toColumn);
    return { day, span, next: withSpan(days, day, span, wasAt(lift)) };
  };

  const { lifted, onPointerDown, onKeyDown, putBack } = useMove({
    columns: order.map(String),
    step: STEP,
    pixelsPerMinute,
    within: WHOLE_DAY,
    scroller,
    onMove: (lift) => {
      const { day, span, next } = placed(lift);
      const fault = isFault(next) ? next : null;
      setGhost((shown) => (shown?.day === day && shown.span.from === span.from && shown.span.to === span.to ? shown : { day, span, fault }));
      setSpoken([`${say(day, span)}.`, fault && t(`availability.${fault}`)].filter(Boolean).join(" "));
    },
    onDrop: (lift) => {
      const { day, span, next } = placed(lift);
      setGhost(null);
      if (isFault(next)) {
        setSpoken(`${t(`availability.${next}`)} ${t("calendar.putBack")}`);
        return;
      }
      const id = idOf({ day, from: span.from });
      refocus.current = id;
      setSelected(id);
      onChange(next);
    },
    onCancel: () => {
      setGhost(null);
      setSpoken(t("calendar.putBack"));
    },
  });

  const remove = (card: (typeof cards)[number]) => {
    const index = cards.indexOf(card);
    const next = cards[index + 1] ?? cards[index - 1];
    refocus.current = next?.id ?? null;
    if (!next) scroller.current?.focus();
    setSelected(next?.id ?? null);
    setSpoken(t("availability.removed", { hours: say(card.day, card.span) }));
    onChange(without(days, { day: card.day, from: card.span.from }));
  };

  // What was dropped is another element now, and what was removed is none: the focus is given on.
  useLayoutEffect(() => {
    if (!refocus.current) return;
    const card = scroller.current?.querySelector<HTMLElement>(`[data-card="${CSS.escape(refocus.current)}"]`);
    if (!card) return;
    refocus.current = null;
    card.focus({ preventScroll: true });
  });

  useLayoutEffect(() => {
    const first = firstMinute([...(open ?? []), ...days.filter(isRead)]);
    if (scroller.current) scroller.current.scrollTop = (first - BEFORE) * pixelsPerMinute;
    // Once, and when the business's hours have come: not while somebody draws.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [open]);

  const draw = (event: React.PointerEvent<HTMLElement>, day: number) => {
    if (!mayWrite || event.target !== event.currentTarget || !isRead(days[day])) return;
    const minute = (event.clientY - event.currentTarget.getBoundingClientRect().top) / pixelsPerMinute;
    pressed.current = Math.min(Math.max(minute, 0), DAY_MINUTES - 1);
    onPointerDown(event, { id: DRAWN, columnId: String(day), from: pressed.current, duration: STEP }, "draw");
  };

  const style = { "--n": 7, "--span": DAY_MINUTES, "--ppm": `${pixelsPerMinute}px`, "--from": 0 } as React.CSSProperties;
  const tabStop = chosen?.id ?? cards[0]?.id;
  return (
    <div className="stack">
      <div className="scroll hours-grid" ref={scroller} role="group" aria-label={t("availability.drawn")} tabIndex={cards.length ? -1 : 0} style={style}>
        <div className="tg">
          <div className="corner" />
          {order.map((day) => {
            const instant = startOfDay(addDays(monday, day), clock.zone);
            return <div className="head" key={day} aria-hidden="true" title={clock.weekdayName(instant)}><b className="wide">{clock.weekday(instant)}</b><b className="letter">{clock.weekdayLetter(instant)}</b></div>;
          })}
          <div className="axis" aria-hidden="true">
            {HOURS.map((minute) => <span key={minute} style={place(minute)}>{wall.time(minute * MINUTE)}</span>)}
          </div>
          {order.map((day) => (
            <div className={mayWrite && isRead(days[day]) ? "col free" : "col"} key={day} data-column={day} role="group" aria-label={nameOf(day)} onPointerDown={(event) => draw(event, day)}>
              {open && gapsBetween(open[day] ?? [], WHOLE_DAY).map((gap) => <div className="blk closed" key={gap.from} style={place(gap.from, gap.to - gap.from)} />)}
              {!isRead(days[day]) && <div className="blk brk" style={place(0, DAY_MINUTES)} />}
              {overnight((day + 6) % 7).map((card) => <div className="a hours fixed" key={`over.${card.id}`} style={lane({ from: 0, to: card.span.to - DAY_MINUTES })} aria-hidden="true" />)}
              {cards.filter((card) => card.day === day).map((card) => (
                <Card
                  key={card.id}
                  id={card.id}
                  span={card.span}
                  column={String(day)}
                  name={say(day, card.span)}
                  text={sayWall(wall, card.span)}
                  mayWrite={mayWrite}
                  isMovable={mayWrite && card.span.to <= DAY_MINUTES}
                  isSelected={card.id === selected}
                  isLifted={card.id === lifted?.id}
                  isTabStop={card.id === tabStop}
                  onSelect={() => setSelected(card.id)}
                  onPointerDown={onPointerDown}
                  onKeyDown={(event, carried) => {
                    if (card.span.to <= DAY_MINUTES && onKeyDown(event, carried)) return true;
                    if (event.key !== "Delete" && event.key !== "Backspace") return false;
                    remove(card);
                    return true;
                  }}
                  onBlur={putBack}
                />
              ))}
              {ghost?.day === day && (
                <div className={ghost.fault ? "a ghost" : "a ghost free"} style={lane(ghost.span)} aria-hidden="true">
                  <bdi>{sayWall(wall, ghost.span)}</bdi>
                  {ghost.fault && <small><Icon name="warn" />{t(`availability.${ghost.fault}`)}</small>}
                </div>
              )}
            </div>
          ))}
        </div>
      </div>
      {mayWrite && (
        <div className="row">
          <p className="soft">{t("availability.drawHint")}</p>
          {chosen && <Button kind="quiet" icon="x" onPress={() => remove(chosen)}>{t("availability.removeHours", { hours: say(chosen.day, chosen.span) })}</Button>}
        </div>
      )}
      <div className="sr" role="status" aria-live="assertive">{spoken}</div>
    </div>
  );
}

const isFault = (next: Days | Fault): next is Fault => typeof next === "string";

const lane = ({ from, to }: Span) => ({ ...place(from, to - from), "--lane": 0, "--lanes": 1 }) as React.CSSProperties;

/** Up to midnight the two ends are of different dates, which a range would name. */
const sayWall = (wall: Clock, { from, to }: Span): string => (to < DAY_MINUTES ? wall.range(from * MINUTE, to * MINUTE) : `${wall.time(from * MINUTE)} – ${wall.time(to * MINUTE)}`);

type CardProps = {
  id: string;
  span: Span;
  column: string;
  name: string;
  text: string;
  mayWrite: boolean;
  isMovable: boolean;
  isSelected: boolean;
  isLifted: boolean;
  isTabStop: boolean;
  onSelect: () => void;
  onPointerDown: (event: React.PointerEvent, carried: Carried, grip: Grip) => void;
  onKeyDown: (event: React.KeyboardEvent, carried: Carried) => boolean;
  onBlur: () => void;
};

function Card({ id, span, column, name, text, mayWrite, isMovable, isSelected, isLifted, isTabStop, onSelect, onPointerDown, onKeyDown, onBlur }: CardProps) {
  const { t } = useTranslation();
  const minutes = span.to - span.from;
  const carried = { id, columnId: column, from: span.from, duration: minutes };
  const grip = (name: "start" | "end") => (
    <span className={`grip ${name}`} aria-hidden="true" onPointerDown={(event) => { event.stopPropagation(); onPointerDown(event, carried, name); }} />
  );
  return (
    <button
      type="button"
      data-card={id}
      className={["a hours", isSelected && mayWrite && "open", isLifted && "lifted", minutes < 45 && "short", !isMovable && "fixed"].filter(Boolean).join(" ")}
      style={lane({ from: span.from, to: Math.min(span.to, DAY_MINUTES) })}
      tabIndex={isTabStop ? 0 : -1}
      aria-label={name}
      aria-description={isMovable ? t("availability.liftHint") : undefined}
      onFocus={onSelect}
      onClick={onSelect}
      onBlur={onBlur}
      onPointerDown={(event) => isMovable && onPointerDown(event, carried, "move")}
      onKeyDown={(event) => {
        if (mayWrite && onKeyDown(event, carried)) {
          event.preventDefault();
          event.stopPropagation();
        } else walk(event);
      }}
    >
      {minutes >= 30 && <bdi>{text}</bdi>}
      {isMovable && minutes >= 30 && grip("start")}
      {isMovable && grip("end")}
    </button>
  );
}

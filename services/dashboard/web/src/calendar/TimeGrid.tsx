/** Columns of one calendar: staff of a day, or days of one staff member. A place is two custom properties and one sum. */
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, GONE, STATUSES } from "../api/appointments";
import { Icon } from "../ui/Icon";
import { Avatar } from "../ui/Pill";
import { type Clock, type Day, type Instant, MINUTE, lengthOfDay, minutesInto, startOfDay } from "../time";
import { type Label, type Obstacle, type Span, hourLabels, lanesOf, movedStart, obstaclesIn, partIn, snap } from "./layout";
import { Card, type Words } from "./Card";
import { Countdown } from "./Countdown";
import { Ghost, Spoken } from "./Ghost";
import { Hand } from "./hand";
import { place } from "./cards";
import { Sight, useTurn } from "./sight";
import { useStillColumns } from "./stillness";
import { type Lift, useMove } from "./useMove";
import "./grid.css";
import "./gridextra.css";

export type Block = Span & { kind: "closed" | "brk" | "busy" | "absent" | "hold"; name: string; until?: Instant };
export type Column = { id: string; title: string; detail: string; day: Day; resourceId: string; person: boolean; blocks: readonly Block[]; appointments: readonly Appointment[] };
export type Target = { appointment: Appointment; resourceId: string; fromResourceId: string; start: Instant; minutes: number; override: boolean };
export type Draft = { resourceId: string; start: Instant; minutes: number | null };

type Props = {
  columns: readonly Column[];
  clock: Clock;
  now: Instant;
  step: number;
  pixelsPerMinute: number;
  hours: Span;
  selected: string | undefined;
  canMove: boolean;
  label: string;
  /** Reasons of the service for the place shown, beside what the screen knows; asked after a short rest. */
  judge: (target: Target) => Promise<readonly string[]>;
  onOpen: (appointment: Appointment) => void;
  onMove: (target: Target) => void;
  onDraft: (draft: Draft) => void;
};

export function TimeGrid(props: Props) {
  const { clock, now, step, pixelsPerMinute, hours, canMove, judge, label } = props;
  const { columns, waiting, watch } = useStillColumns(props.columns, clock.zone);
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const [hand] = useState(() => new Hand());
  const [spoken, setSpoken] = useState("");
  const refocus = useRef<string | null>(null);
  // The same functions for as long as the grid lasts, or each drawing of the page would draw every card.
  const latest = useRef(props);
  latest.current = props;
  const onOpen = useCallback((appointment: Appointment) => latest.current.onOpen(appointment), []);
  const onDraft = useCallback((draft: Draft) => latest.current.onDraft(draft), []);
  const words = useMemo((): Words => ({ hint: t("calendar.liftHint"), statuses: new Map(STATUSES.map((status) => [status, t(`status.${status}`)])) }), [t]);
  const byId = useMemo(() => new Map(columns.map((column) => [column.id, column])), [columns]);
  const sameLength = columns.every((column) => lengthOfDay(column.day, clock.zone) === lengthOfDay(columns[0]?.day ?? column.day, clock.zone));
  const shared = sameLength || new Set(columns.map((column) => column.day)).size === 1;

  const targetOf = (lift: Lift, override: boolean): (Target & { columnId: string }) | null => {
    const from = byId.get(lift.fromColumn);
    const to = byId.get(lift.toColumn);
    const appointment = from?.appointments.find((candidate) => candidate.id === lift.id);
    if (!from || !to || !appointment) return null;
    const start = movedStart(Date.parse(appointment.starts_at), lift.minutes, from.day, to.day, clock.zone);
    return { appointment, resourceId: to.resourceId, fromResourceId: from.resourceId, start, minutes: lift.duration, override, columnId: to.id };
  };

  const onMove = (lift: Lift) => {
    const target = targetOf(lift, false);
    const column = byId.get(lift.toColumn);
    if (!target || !column || hand.isAt(target)) return;
    const from = minutesInto(target.start, column.day, clock.zone);
    const obstacles = obstaclesIn({ from, to: from + target.minutes }, obstaclesOf(column, clock), target.appointment.id);
    hand.hold({ ...target, obstacles, doubts: [] }, lift.byKeys);
  };

  const { lifted, onPointerDown, onKeyDown } = useMove({
    columns: columns.map((column) => column.id),
    step,
    pixelsPerMinute,
    scroller,
    onMove,
    onDrop: (lift, override) => {
      const target = targetOf(lift, override);
      hand.letGo();
      setSpoken("");
      if (!target) return;
      if (lift.byKeys) refocus.current = lift.id;
      props.onMove(target);
    },
    onCancel: () => {
      hand.letGo();
      setSpoken(t("calendar.putBack"));
    },
  });

  useLayoutEffect(() => {
    if (!refocus.current) return;
    const card = scroller.current?.querySelector<HTMLElement>(`[data-card="${CSS.escape(refocus.current)}"]`);
    if (card && document.activeElement !== card) card.focus();
  });

  // Once, and when another day is shown: the working day is in view.
  const firstDay = columns[0]?.day;
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const opening = useMemo(() => (firstDay ? openingMinute(firstDay, now, hours, clock) * pixelsPerMinute - 24 : 0), [firstDay, hours.from]);
  const [sight] = useState(() => new Sight(pixelsPerMinute));
  sight.open(`${firstDay} ${hours.from}`, opening);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || !firstDay) return;
    box.scrollTop = opening;
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [firstDay, hours.from]);

  const length = Math.max(...columns.map((column) => lengthOfDay(column.day, clock.zone)), 1440);
  const labels = useMemo(() => (firstDay ? hourLabels(firstDay, clock.zone) : []), [firstDay, clock.zone]);
  const nowAt = firstDay ? minutesInto(now, firstDay, clock.zone) : -1;
  const style = { "--n": columns.length, "--span": length, "--ppm": `${pixelsPerMinute}px`, "--from": 0 } as React.CSSProperties;

  return (
    <>
      <p className="waits" role="status">
        {waiting && t("list.waits", { count: 1 })}
      </p>
      <div className="scroll" {...watch} ref={scroller} role="region" aria-label={label} tabIndex={-1} style={style} onScroll={(event) => sight.scrolled(event.currentTarget)}>
        <div className="tg">
          <div className="corner">
            <bdi>{clock.place}</bdi>
          </div>
          {columns.map((column) => (
            <div className="head" key={column.id} title={column.title}>
              {column.person && <Avatar name={column.title} />}
              <b>
                <bdi>{column.title}</bdi>
              </b>
              <small>{column.detail}</small>
            </div>
          ))}
          <div className="axis" aria-hidden="true">
            {shared && labels.map((tick) => <Tick key={tick.at} tick={tick} clock={clock} />)}
            {nowAt >= 0 && nowAt < length && (
              <span className="nowt" style={place(nowAt)}>
                {clock.time(now)}
              </span>
            )}
          </div>
          {columns.map((column, index) => (
            <GridColumn
              key={column.id}
              column={column}
              index={index}
              sight={sight}
              words={words}
              clock={clock}
              now={now}
              step={step}
              pixelsPerMinute={pixelsPerMinute}
              selected={props.selected}
              lifted={lifted?.fromColumn === column.id ? lifted.id : null}
              ownLabels={!shared}
              canMove={canMove}
              onOpen={onOpen}
              onDraft={onDraft}
              onPointerDown={onPointerDown}
              onKeyDown={onKeyDown}
            />
          ))}
          <Ghost hand={hand} columns={byId} clock={clock} scroller={scroller} pixelsPerMinute={pixelsPerMinute} />
        </div>
        <Spoken hand={hand} columns={byId} clock={clock} otherwise={spoken} judge={judge} />
      </div>
    </>
  );
}

/** Where a day is scrolled to: an hour and a half before now, or where it begins. */
function openingMinute(day: Day, now: Instant, hours: Span, clock: Clock): number {
  const minutes = minutesInto(now, day, clock.zone);
  return minutes > hours.from && minutes < hours.to ? minutes - 90 : hours.from;
}

function Tick({ tick, clock }: { tick: Label; clock: Clock }) {
  return (
    <span style={place(tick.at)}>
      {clock.time(tick.instant)}
      {tick.repeated && <small> {clock.offset(tick.instant)}</small>}
    </span>
  );
}

type ColumnProps = {
  column: Column;
  index: number;
  sight: Sight;
  words: Words;
  clock: Clock;
  now: Instant;
  step: number;
  pixelsPerMinute: number;
  selected: string | undefined;
  lifted: string | null;
  ownLabels: boolean;
  canMove: boolean;
  onOpen: (appointment: Appointment) => void;
  onDraft: (draft: Draft) => void;
  onPointerDown: ReturnType<typeof useMove>["onPointerDown"];
  onKeyDown: ReturnType<typeof useMove>["onKeyDown"];
};

const GridColumn = memo(function GridColumn({ column, index, sight, words, clock, now, step, pixelsPerMinute, selected, lifted, ownLabels, canMove, onOpen, onDraft, onPointerDown, onKeyDown }: ColumnProps) {
  const cards = useMemo(
    () =>
      column.appointments.flatMap((appointment) => {
        const part = partIn(column.day, clock.zone, Date.parse(appointment.starts_at), Date.parse(appointment.ends_at));
        return part ? [{ ...part, id: appointment.id, appointment }] : [];
      }),
    [column, clock],
  );
  const places = useMemo(() => lanesOf(cards), [cards]);
  const seen = cards.map(({ from, to }) => sight.holds(index, from, to));
  const whole = useTurn(seen.includes(false));
  const nowAt = minutesInto(now, column.day, clock.zone);
  const labels = ownLabels ? hourLabels(column.day, clock.zone) : [];
  const buffers = cards.flatMap(({ appointment, from, to }) => {
    const { buffer_before_minutes: before, buffer_after_minutes: after } = appointment;
    if (GONE.has(appointment.status)) return [];
    return [before ? { key: `${appointment.id}b`, from: from - before, minutes: before } : null, after ? { key: `${appointment.id}a`, from: to, minutes: after } : null].filter((part) => part !== null);
  });

  const draftAt = (event: React.PointerEvent<HTMLDivElement>) => {
    if (event.target !== event.currentTarget || event.button !== 0 || event.pointerType === "touch") return;
    const top = event.currentTarget.getBoundingClientRect().top;
    const first = snap((event.clientY - top) / pixelsPerMinute - step / 2, step);
    const box = event.currentTarget;
    // Let go of when the browser takes the pointer for something else: the next release is another press's.
    const over = new AbortController();
    const mine = (then: (end: PointerEvent) => void) => (end: PointerEvent) => {
      if (end.pointerId !== event.pointerId) return;
      over.abort();
      then(end);
    };
    const released = (up: PointerEvent) => {
      const last = snap((up.clientY - box.getBoundingClientRect().top) / pixelsPerMinute, step);
      const start = startOfDay(column.day, clock.zone) + first * MINUTE;
      onDraft({ resourceId: column.resourceId, start, minutes: last - first > step ? last - first : null });
    };
    window.addEventListener("pointerup", mine(released), { signal: over.signal });
    window.addEventListener("pointercancel", mine(() => undefined), { signal: over.signal });
  };

  return (
    // biome-ignore lint: the column takes clicks on free time; the same is reached by "New".
    <section className="col" data-column={column.id} aria-label={column.title} onPointerDown={draftAt}>
      {labels.map((tick) => (
        <span className="own-label" key={tick.at} style={place(tick.at)} aria-hidden="true">
          {clock.time(tick.instant)}
          {tick.repeated && ` ${clock.offset(tick.instant)}`}
        </span>
      ))}
      {column.blocks.map((block) => (
        <div key={`${block.kind}${block.from}${block.to}${block.until ?? ""}`} className={`blk ${block.kind}`} style={place(block.from, block.to - block.from)}>
          {block.name && (
            <span>
              {block.kind === "busy" && <Icon name="sync" />}
              <bdi>{block.name}</bdi>
            </span>
          )}
          {block.until !== undefined && <Countdown until={block.until} />}
        </div>
      ))}
      {buffers.map((buffer) => (
        <div key={buffer.key} className="buffer" style={place(buffer.from, buffer.minutes)} />
      ))}
      {nowAt >= 0 && nowAt < lengthOfDay(column.day, clock.zone) && <div className="now" style={place(nowAt)} />}
      {cards.map(({ appointment, from, to }, position) => {
        const { lane, lanes } = places.get(appointment.id) ?? { lane: 0, lanes: 1 };
        return (
          <Card
            key={appointment.id}
            appointment={appointment}
            columnId={column.id}
            from={from}
            to={to}
            lane={lane}
            lanes={lanes}
            words={words}
            clock={clock}
            selected={selected === appointment.id}
            lifted={lifted === appointment.id}
            canMove={canMove}
            bare={!whole && !seen[position]}
            onOpen={onOpen}
            onPointerDown={onPointerDown}
            onKeyDown={onKeyDown}
          />
        );
      })}
    </section>
  );
});

const obstacles = new WeakMap<Column, Obstacle[]>();

/** Of a column as it is drawn: a card that is carried over it asks in each place. */
function obstaclesOf(column: Column, clock: Clock): Obstacle[] {
  const known = obstacles.get(column);
  if (known) return known;
  const booked = column.appointments
    .filter((appointment) => appointment.occupies)
    .flatMap((appointment): Obstacle[] => {
      const part = partIn(column.day, clock.zone, Date.parse(appointment.starts_at), Date.parse(appointment.ends_at));
      return part ? [{ ...part, kind: "appointment", name: appointment.client.name, id: appointment.id }] : [];
    });
  const found = [...booked, ...column.blocks.map((block): Obstacle => ({ ...block, kind: block.kind === "brk" ? "closed" : block.kind }))];
  obstacles.set(column, found);
  return found;
}

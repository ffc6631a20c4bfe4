/** Columns of one calendar: staff of a day, or days of one staff member. A place is two custom properties and one sum. */
import { useCallback, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, STATUSES } from "../api/appointments";
import { Avatar } from "../ui/Pill";
import { type Clock, type Day, type Instant, MINUTE, lengthOfDay, minutesInto, startOfDay } from "../time";
import { type Label, type Obstacle, type Span, hourLabels, movedStart, obstaclesIn, partIn } from "./layout";
import type { Words } from "./Card";
import { drawSlot } from "./drawnSlot";
import { Ghost, Spoken, reasonsAgainst } from "./Ghost";
import { DRAWN, GridColumn } from "./GridColumn";
import { Hand } from "./hand";
import { type Answer, MoveQuestion } from "./MoveQuestion";
import { place } from "./cards";
import { type Capacities, saySeats } from "./sessions";
import { openingMinute, shownSpan } from "./shownHours";
import { Sight } from "./sight";
import { useStillColumns } from "./stillness";
import { type Lift, useMove } from "./useMove";
import { useScrolled } from "./useScrolled";
import type { ViewOptions } from "./viewOptions";
import "./grid.css";
import "./gridextra.css";
import "./hues.css";

/** "09:00": where a day has two times twelve hours, times are longer. */
const SHORT_TIME = 5;

export type Block = Span & { kind: "closed" | "brk" | "busy" | "absent" | "hold"; name: string; until?: Instant };
export type Column = { id: string; title: string; detail: string; day: Day; resourceId: string; resourceName: string; person: boolean; /** What to say of it once it is known that nothing stands in it. */ empty: string | null; open: readonly Span[]; blocks: readonly Block[]; appointments: readonly Appointment[] };
export type Target = { appointment: Appointment; resourceId: string; resourceName: string; fromResourceId: string; start: Instant; minutes: number; override: boolean };
export type Draft = { resourceId: string; start: Instant; minutes: number | null };

type Props = {
  columns: readonly Column[];
  clock: Clock;
  now: Instant;
  step: number;
  /** Pixels that stand for one at usual text size. */
  scale: number;
  options: ViewOptions;
  /** The hue of each service, where colours tell services. */
  hues: ReadonlyMap<string, number> | null;
  /** Of group services. */
  capacities: Capacities;
  selected: string | undefined;
  canMove: boolean;
  label: string;
  /** Reasons of the service for the place shown, beside what the screen knows; asked after a short rest. */
  judge: (target: Target) => Promise<readonly string[]>;
  onOpen: (appointment: Appointment) => void;
  /** Whether to ask before a move. */
  asks: boolean;
  mayOverride: boolean;
  /** `answer` is null where nobody was asked; the id that the appointment has then, or null where it was not moved. */
  onMove: (target: Target, answer: Answer | null) => Promise<string | null>;
  onDraft: (draft: Draft) => void;
};

export function TimeGrid(props: Props) {
  const { clock, now, step, scale, options, hues, capacities, canMove, judge, label } = props;
  const pixelsPerMinute = options.zoom * scale;
  const { columns, waiting, watch } = useStillColumns(props.columns, clock.zone);
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const slot = useRef<HTMLDivElement>(null);
  const [hand] = useState(() => new Hand());
  const [spoken, setSpoken] = useState("");
  const [asked, setAsked] = useState<{ target: Target; byKeys: boolean } | null>(null);
  const ghost = useRef<HTMLDivElement>(null);
  const refocus = useRef<{ from: string; to: string } | null>(null);
  // The same functions for as long as the grid lasts, or each drawing of the page would draw every card.
  const latest = useRef(props);
  latest.current = props;
  const onOpen = useCallback((appointment: Appointment) => latest.current.onOpen(appointment), []);
  const onDraft = useCallback((draft: Draft) => latest.current.onDraft(draft), []);
  const words = useMemo((): Words => ({ hint: t("calendar.liftHint"), statuses: new Map(STATUSES.map((status) => [status, t(`status.${status}`)])), seats: (seats) => saySeats(seats, t) }), [t]);
  const byId = useMemo(() => new Map(columns.map((column) => [column.id, column])), [columns]);
  const sameLength = columns.every((column) => lengthOfDay(column.day, clock.zone) === lengthOfDay(columns[0]?.day ?? column.day, clock.zone));
  const shared = sameLength || new Set(columns.map((column) => column.day)).size === 1;

  const day = columns[0]?.day;
  // Hours that grow under what is in the hand would take the ground from beneath it.
  const before = useRef<Span | null>(null);
  const carries = hand.get() !== null || slot.current?.hidden === false;
  const known = (carries ? before.current : null) ?? shownSpan(options, columns, clock);
  before.current = known;
  const shown = useMemo((): Span => ({ from: known.from, to: known.to }), [known.from, known.to]);
  const bounds = useMemo((): Span => boundsOf(shown, lengthOfDay(day ?? "1970-01-01", clock.zone)), [shown, day, clock]);

  const targetOf = (lift: Lift, override: boolean): (Target & { columnId: string }) | null => {
    const from = byId.get(lift.fromColumn);
    const to = byId.get(lift.toColumn);
    const appointment = from?.appointments.find((candidate) => candidate.id === lift.id);
    if (!from || !to || !appointment) return null;
    const start = movedStart(Date.parse(appointment.starts_at), lift.minutes, from.day, to.day, clock.zone);
    return { appointment, resourceId: to.resourceId, resourceName: to.resourceName, fromResourceId: from.resourceId, start, minutes: lift.duration, override, columnId: to.id };
  };

  const onMove = (lift: Lift) => {
    if (lift.id === DRAWN) return draw(lift);
    const target = targetOf(lift, false);
    const column = byId.get(lift.toColumn);
    if (!target || !column || hand.isAt(target)) return;
    const from = minutesInto(target.start, column.day, clock.zone);
    const obstacles = obstaclesIn({ from, to: from + target.minutes }, obstaclesOf(column, clock), target.appointment.id);
    hand.hold({ ...target, obstacles, doubts: [] }, lift.byKeys);
  };

  /** What is being drawn: from which minute of which column, and since when. */
  const drawn = (lift: Lift) => {
    const column = byId.get(lift.toColumn);
    const from = Math.round(lift.from + lift.minutes);
    return column && { column, from, start: startOfDay(column.day, clock.zone) + from * MINUTE };
  };
  const draw = (lift: Lift) => {
    const at = drawn(lift);
    if (!at || !slot.current || !scroller.current) return;
    const text = clock.range(at.start, at.start + lift.duration * MINUTE);
    drawSlot(slot.current, scroller.current, { columnId: at.column.id, top: (at.from - shown.from) * pixelsPerMinute, height: lift.duration * pixelsPerMinute, text });
  };

  const { lifted, onPointerDown, onKeyDown } = useMove({
    columns: columns.map((column) => column.id),
    step,
    pixelsPerMinute,
    within: bounds,
    scroller,
    onMove,
    onDrop: (lift, override) => {
      if (slot.current) slot.current.hidden = true;
      const at = lift.id === DRAWN && drawn(lift);
      if (at) return onDraft({ resourceId: at.column.resourceId, start: at.start, minutes: lift.duration > step ? lift.duration : null });
      const target = targetOf(lift, override);
      setSpoken("");
      // The ghost stays where it was dropped for as long as it is asked about.
      if (target && props.asks && hand.get()) return setAsked({ target, byKeys: lift.byKeys });
      hand.letGo();
      if (target) void carryOut(target, null, lift.byKeys);
    },
    onCancel: () => {
      if (slot.current) slot.current.hidden = true;
      hand.letGo();
      setSpoken(t("calendar.putBack"));
    },
  });

  const cardOf = (id: string) => scroller.current?.querySelector<HTMLElement>(`[data-card="${CSS.escape(id)}"], [data-holds~="${CSS.escape(id)}"]`);
  const carryOut = async (target: Target, answer: Answer | null, byKeys: boolean) => {
    const { id } = target.appointment;
    if (byKeys) cardOf(id)?.focus();
    const moved = await props.onMove(target, answer);
    if (byKeys && moved) refocus.current = { from: id, to: moved };
    giveOn();
  };
  /** What the keys have moved keeps the focus, at its new time and under its new id: as soon as that is drawn. */
  const giveOn = () => {
    const card = refocus.current && cardOf(refocus.current.to);
    if (!refocus.current || !card) return;
    const focused = document.activeElement as HTMLElement | null;
    if (focused === null || focused === document.body || focused.dataset.card === refocus.current.from) card.focus();
    refocus.current = null;
  };
  useLayoutEffect(giveOn);
  const onAnswer = (answer: Answer | null) => {
    if (!asked) return;
    setAsked(null);
    hand.letGo();
    if (answer) void carryOut(asked.target, answer, asked.byKeys);
    else {
      setSpoken(t("calendar.putBack"));
      if (asked.byKeys) cardOf(asked.target.appointment.id)?.focus();
    }
  };

  const opens = Math.min(...columns.flatMap((column) => column.open.map((span) => span.from)));
  const name = `${day} ${opens}`;
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const opening = useMemo(() => openingMinute(columns, now, clock), [name]);
  const [sight] = useState(() => new Sight(pixelsPerMinute));
  useScrolled(scroller, sight, { name, opening, pixelsPerMinute, from: shown.from });

  const liftedIn = (column: Column): string | null => {
    if (asked) return asked.target.fromResourceId === column.resourceId ? asked.target.appointment.id : null;
    return lifted?.fromColumn === column.id ? lifted.id : null;
  };
  const labels = useMemo(() => (day ? hourLabels(day, clock.zone).filter((tick) => tick.at >= shown.from && tick.at < shown.to) : []), [day, clock.zone, shown]);
  const nowAt = day ? minutesInto(now, day, clock.zone) : -1;
  const style = { "--n": columns.length, "--span": shown.to - shown.from, "--ppm": `${pixelsPerMinute}px`, "--from": shown.from } as React.CSSProperties;

  return (
    <>
      <p className="waits" role="status">
        {waiting && t("list.waits", { count: 1 })}
      </p>
      <p className="nothing" role="status">
        {emptiness(columns, t("calendar.nothing"))}
      </p>
      <div className="scroll" {...watch} ref={scroller} role="region" aria-label={label} tabIndex={-1} style={style} onScroll={(event) => sight.scrolled(event.currentTarget)}>
        <div className={`tg${hues ? " by-service" : ""}${labels.some((tick) => clock.time(tick.instant).length > SHORT_TIME) ? " long-times" : ""}`}>
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
            {nowAt >= shown.from && nowAt < shown.to && (
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
              zoom={options.zoom}
              shown={shown}
              hues={hues}
              capacities={capacities}
              selected={props.selected}
              lifted={liftedIn(column)}
              ownLabels={!shared}
              canMove={canMove}
              onOpen={onOpen}
              onDraft={onDraft}
              onPointerDown={onPointerDown}
              onKeyDown={onKeyDown}
            />
          ))}
          <div className="slot" ref={slot} aria-hidden="true" hidden>
            <bdi /> {t("new.short")}
          </div>
          <Ghost hand={hand} ghost={ghost} quiet={asked !== null} columns={byId} clock={clock} scroller={scroller} pixelsPerMinute={pixelsPerMinute} from={shown.from} />
        </div>
        {asked && <Question hand={hand} columns={byId} clock={clock} target={asked.target} anchor={ghost} mayOverride={props.mayOverride} onAnswer={onAnswer} />}
        <Spoken hand={hand} columns={byId} clock={clock} otherwise={spoken} judge={judge} />
      </div>
    </>
  );
}

/** What is said of a calendar in which nothing stands: why, where it is the same for all. */
function emptiness(columns: readonly Column[], nothing: string): string | null {
  const [first, ...others] = columns.map((column) => column.empty);
  if (!first || others.includes(null)) return null;
  return others.every((other) => other === first) ? first : nothing;
}

/** Where hours are left out, what is moved stays within those that are seen; else it may run over midnight. */
function boundsOf(shown: Span, length: number): Span {
  return { from: shown.from > 0 ? shown.from : Number.NEGATIVE_INFINITY, to: shown.to < length ? shown.to : Number.POSITIVE_INFINITY };
}

type QuestionProps = Omit<React.ComponentProps<typeof MoveQuestion>, "reasons"> & { hand: Hand; columns: ReadonlyMap<string, Column> };

/** With all that is known against the place so far: the service's verdict may come while it is asked. */
function Question({ hand, columns, ...asked }: QuestionProps) {
  const { t } = useTranslation();
  const held = useSyncExternalStore(hand.subscribe, hand.get);
  return <MoveQuestion {...asked} reasons={held ? reasonsAgainst(held, columns, asked.clock, t) : []} />;
}

function Tick({ tick, clock }: { tick: Label; clock: Clock }) {
  return (
    <span style={place(tick.at)}>
      {clock.time(tick.instant)}
      {tick.repeated && <small> {clock.offset(tick.instant)}</small>}
    </span>
  );
}

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

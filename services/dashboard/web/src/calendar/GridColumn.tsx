/** One column of the calendar: its hours, what stands in them, and free ground to draw on. */
import { memo, useMemo } from "react";
import { type Appointment, GONE } from "../api/appointments";
import { Icon } from "../ui/Icon";
import { type Clock, type Instant, MINUTE, lengthOfDay, minutesInto, startOfDay } from "../time";
import { Card, type Words } from "./Card";
import { Countdown } from "./Countdown";
import { place } from "./cards";
import { type Capacities, entriesOf } from "./sessions";
import { type Span, hourLabels, lanesOf, partIn, snap } from "./layout";
import { type Sight, useTurn } from "./sight";
import type { Column, Draft } from "./TimeGrid";
import type { useMove } from "./useMove";
import { within } from "./viewOptions";

/** What is drawn on free ground has no appointment yet. */
export const DRAWN = "new";

type ColumnProps = {
  column: Column;
  index: number;
  sight: Sight;
  words: Words;
  clock: Clock;
  now: Instant;
  step: number;
  pixelsPerMinute: number;
  /** Pixels a minute at usual text size: it tells how many lines a card has room for. */
  zoom: number;
  /** The minutes that are drawn. */
  shown: Span;
  hues: ReadonlyMap<string, number> | null;
  capacities: Capacities;
  selected: string | undefined;
  lifted: string | null;
  ownLabels: boolean;
  canMove: boolean;
  onOpen: (appointment: Appointment) => void;
  onDraft: (draft: Draft) => void;
  onPointerDown: ReturnType<typeof useMove>["onPointerDown"];
  onKeyDown: ReturnType<typeof useMove>["onKeyDown"];
};

export const GridColumn = memo(function GridColumn({ column, index, sight, words, clock, now, step, pixelsPerMinute, zoom, shown, hues, capacities, selected, lifted, ownLabels, canMove, onOpen, onDraft, onPointerDown, onKeyDown }: ColumnProps) {
  const cards = useMemo(
    () =>
      entriesOf(column.appointments, capacities).flatMap(({ shown: appointment, all, seats }) => {
        const part = partIn(column.day, clock.zone, Date.parse(appointment.starts_at), Date.parse(appointment.ends_at));
        return part ? [{ ...part, id: appointment.id, appointment, all, seats }] : [];
      }),
    [column, capacities, clock],
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

  const minuteAt = (event: React.MouseEvent<HTMLElement>) => shown.from + (event.clientY - event.currentTarget.getBoundingClientRect().top) / pixelsPerMinute;
  const draw = (event: React.PointerEvent<HTMLElement>) => {
    if (!canMove || event.target !== event.currentTarget) return;
    onPointerDown(event, { id: DRAWN, columnId: column.id, from: minuteAt(event), duration: step }, "draw");
  };
  // A finger that taps between cards has missed one; held down, it draws.
  const click = (event: React.MouseEvent<HTMLElement>) => {
    if (!canMove || event.target !== event.currentTarget || (event.nativeEvent as PointerEvent).pointerType === "touch") return;
    const start = startOfDay(column.day, clock.zone) + snap(minuteAt(event) - step / 2, step) * MINUTE;
    onDraft({ resourceId: column.resourceId, start, minutes: null });
  };

  return (
    // biome-ignore lint: the column takes clicks on free time; the same is reached by "New".
    <section className="col" data-column={column.id} aria-label={column.title} onPointerDown={draw} onClick={click}>
      {labels.filter((tick) => within({ from: tick.at, to: tick.at + 1 }, shown)).map((tick) => (
        <span className="own-label" key={tick.at} style={place(tick.at)} aria-hidden="true">
          {clock.time(tick.instant)}
          {tick.repeated && ` ${clock.offset(tick.instant)}`}
        </span>
      ))}
      {column.blocks.map((block) => {
        const part = within(block, shown);
        return (
          part && (
            <div key={`${block.kind}${block.from}${block.to}${block.until ?? ""}`} className={`blk ${block.kind}`} style={place(part.from, part.to - part.from)}>
              {block.name && (
                <span>
                  {block.kind === "busy" && <Icon name="sync" />}
                  <bdi>{block.name}</bdi>
                </span>
              )}
              {block.until !== undefined && <Countdown until={block.until} />}
            </div>
          )
        );
      })}
      {buffers.map((buffer) => (
        <div key={buffer.key} className="buffer" style={place(buffer.from, buffer.minutes)} />
      ))}
      {nowAt < lengthOfDay(column.day, clock.zone) && nowAt >= shown.from && nowAt < shown.to && <div className="now" style={place(nowAt)} />}
      {cards.map(({ appointment, all, seats, from, to }, position) => {
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
            zoom={zoom}
            hue={GONE.has(appointment.status) ? undefined : hues?.get(appointment.service_id ?? "")}
            words={words}
            clock={clock}
            seats={seats ? words.seats(seats) : undefined}
            names={all.length > 1 ? all.map(({ client }) => client.name).join(", ") : undefined}
            holds={all.length > 1 ? all.map(({ id }) => id).join(" ") : undefined}
            selected={all.some(({ id }) => id === selected)}
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


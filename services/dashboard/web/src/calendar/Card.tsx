/** An appointment in a column of the calendar. */
import { memo, useRef } from "react";
import { type Appointment, type Status } from "../api/appointments";
import type { Clock } from "../time";
import { Icon } from "../ui/Icon";
import { STATUS_ICON } from "../ui/Pill";
import { place, walk } from "./cards";
import type { useMove } from "./useMove";
import { linesIn } from "./viewOptions";

type Props = Pick<ReturnType<typeof useMove>, "onPointerDown" | "onKeyDown"> & {
  appointment: Appointment;
  columnId: string;
  from: number;
  to: number;
  lane: number;
  lanes: number;
  zoom: number;
  /** Of its service, where that is what colours tell. */
  hue: number | undefined;
  words: Words;
  clock: Clock;
  selected: boolean;
  lifted: boolean;
  canMove: boolean;
  /** Out of sight, so that nothing need stand on it yet: it has its place and its name. */
  bare: boolean;
  onOpen: (appointment: Appointment) => void;
};

/** What every card says, looked up once for all of them. */
export type Words = { hint: string; statuses: ReadonlyMap<Status, string> };

const EDGE = 7;

/** Whether a card is held by its last edge, which changes its length. */
const isOnEdge = (event: React.PointerEvent): boolean => event.currentTarget.getBoundingClientRect().bottom - event.clientY <= EDGE;

/** Drawn anew only when it has changed itself: a ghost that passes over its column is no reason. */
export const Card = memo(function Card({ appointment, columnId, from, to, lane, lanes, zoom, hue, words, clock, selected, lifted, canMove, bare, onOpen, onPointerDown, onKeyDown }: Props) {
  const minutes = to - from;
  const carried = { id: appointment.id, columnId, from, duration: appointment.duration_minutes };
  const movable = canMove && appointment.verbs.includes("reschedule");
  const lines = linesIn(minutes * zoom);
  const sizable = movable && lines > 0;
  const drawn = useRef(false);
  drawn.current ||= !bare;
  const time = clock.range(Date.parse(appointment.starts_at), Date.parse(appointment.ends_at));
  return (
    <button
      type="button"
      data-card={appointment.id}
      className={`a ${appointment.status}${selected ? " open" : ""}${lifted ? " lifted" : ""}${lines === 0 ? " short" : ""}${hue === undefined ? "" : ` hue-${hue}`}${movable ? "" : " fixed"}${lanes > 2 ? " thin" : ""}`}
      style={lanes > 1 ? ({ ...place(from, minutes), "--lane": lane, "--lanes": lanes } as React.CSSProperties) : place(from, minutes)}
      aria-label={`${time}, ${appointment.client.name}, ${appointment.service_name}, ${words.statuses.get(appointment.status) ?? appointment.status}`}
      aria-description={movable ? words.hint : undefined}
      onClick={() => onOpen(appointment)}
      onPointerDown={(event) => movable && onPointerDown(event, carried, sizable && isOnEdge(event) ? "end" : "move")}
      onKeyDown={(event) => {
        if (movable && onKeyDown(event, carried)) {
          event.preventDefault();
          event.stopPropagation();
        } else walk(event);
      }}
    >
      {drawn.current && <Face appointment={appointment} lines={lines} time={time} clock={clock} />}
    </button>
  );
});

function Face({ appointment, lines, time, clock }: { appointment: Appointment; lines: number; time: string; clock: Clock }) {
  return (
    <>
      <b>
        <Icon name={STATUS_ICON[appointment.status] ?? "info"} />
        <span>
          <bdi>{appointment.client.name}</bdi>
        </span>
      </b>
      {lines >= 2 && (
        <small>
          <bdi>{lines >= 3 ? time : `${clock.time(Date.parse(appointment.starts_at))} ${appointment.service_name}`}</bdi>
        </small>
      )}
      {lines >= 3 && (
        <small>
          <bdi>{appointment.service_name}</bdi>
        </small>
      )}
    </>
  );
}

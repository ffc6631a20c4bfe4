/** An appointment in a column of the calendar. */
import { memo, useRef } from "react";
import { type Appointment, type Status } from "../api/appointments";
import type { Clock } from "../time";
import { Icon } from "../ui/Icon";
import { STATUS_ICON } from "../ui/Pill";
import { place, walk } from "./cards";
import type { useMove } from "./useMove";
import type { Seats } from "./sessions";
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
  /** Of a group service: how many of its seats are taken. */
  seats: string | undefined;
  /** Where it stands for several: who they are, and the ids of them all. */
  names: string | undefined;
  holds: string | undefined;
  /** Out of sight, so that nothing need stand on it yet: it has its place and its name. */
  bare: boolean;
  onOpen: (appointment: Appointment) => void;
};

/** What every card says, looked up once for all of them. */
export type Words = { hint: string; statuses: ReadonlyMap<Status, string>; seats: (seats: Seats) => string };

const EDGE = 7;

/** Whether a card is held by its last edge, which changes its length. */
const isOnEdge = (event: React.PointerEvent): boolean => event.currentTarget.getBoundingClientRect().bottom - event.clientY <= EDGE;

/** Drawn anew only when it has changed itself: a ghost that passes over its column is no reason. */
export const Card = memo(function Card({ appointment, columnId, from, to, lane, lanes, zoom, hue, words, clock, selected, lifted, canMove, seats, names, holds, bare, onOpen, onPointerDown, onKeyDown }: Props) {
  const minutes = to - from;
  const carried = { id: appointment.id, columnId, from, duration: appointment.duration_minutes };
  // A session is moved one by one: from the drawer of each who is at it.
  const movable = canMove && names === undefined && appointment.verbs.includes("reschedule");
  const lines = linesIn(minutes * zoom);
  const sizable = movable && lines > 0;
  const drawn = useRef(false);
  drawn.current ||= !bare;
  const time = clock.range(Date.parse(appointment.starts_at), Date.parse(appointment.ends_at));
  const status = words.statuses.get(appointment.status) ?? appointment.status;
  const said = names === undefined ? [time, appointment.client.name, appointment.service_name, seats, status] : [time, appointment.service_name, seats, names];
  return (
    <button
      type="button"
      data-card={appointment.id}
      data-holds={holds}
      className={`a ${appointment.status}${selected ? " open" : ""}${lifted ? " lifted" : ""}${lines === 0 ? " short" : ""}${hue === undefined ? "" : ` hue-${hue}`}${movable ? "" : " fixed"}${lanes > 2 ? " thin" : ""}`}
      style={lanes > 1 ? ({ ...place(from, minutes), "--lane": lane, "--lanes": lanes } as React.CSSProperties) : place(from, minutes)}
      aria-label={said.filter(Boolean).join(", ")}
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
      {drawn.current && (names === undefined ? <Face appointment={appointment} lines={lines} time={time} clock={clock} seats={seats} /> : <SessionFace appointment={appointment} lines={lines} time={time} seats={seats} names={names} />)}
    </button>
  );
});

type FaceProps = { appointment: Appointment; lines: number; time: string; seats: string | undefined };

function Face({ appointment, lines, time, clock, seats }: FaceProps & { clock: Clock }) {
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
          {seats && <> · {seats}</>}
        </small>
      )}
    </>
  );
}

/** Of several who are there together: what it is, how full, and who as far as there is room. */
function SessionFace({ appointment, lines, time, seats, names }: FaceProps & { names: string }) {
  return (
    <>
      <b>
        <Icon name="users" />
        <span>
          <bdi>{appointment.service_name}</bdi>
          {lines < 2 && <> · {seats}</>}
        </span>
      </b>
      {lines >= 2 && <small className="seats">{seats}</small>}
      {lines >= 3 && (
        <>
          <small>
            <bdi>{time}</bdi>
          </small>
          <small className="names">
            <bdi>{names}</bdi>
          </small>
        </>
      )}
    </>
  );
}

/** Group services: whoever shares one session is one card, which tells how many of its seats are taken. */
import type { TFunction } from "i18next";
import { type Appointment, GONE, STATUSES } from "../api/appointments";
import type { Service } from "../api/catalogue";

export type Seats = { taken: number; all: number };
/** `shown` stands for all of them: of a session whose people are at different points, whoever is least far. */
export type Entry = { shown: Appointment; all: readonly Appointment[]; seats: Seats | null };
/** Of each group service, for how many it is. */
export type Capacities = ReadonlyMap<string, number>;

export const NO_GROUPS: Capacities = new Map();

export function capacitiesOf(services: readonly Service[]): Capacities {
  const groups = services.filter((service) => service.capacity > 1);
  return groups.length ? new Map(groups.map((service) => [service.id, service.capacity])) : NO_GROUPS;
}

export const saySeats = (seats: Seats, t: TFunction): string => t(isFull(seats) ? "calendar.full" : "calendar.seats", { taken: seats.taken, all: seats.all });

export const isFull = ({ taken, all }: Seats): boolean => taken >= all;

/** A request that does not take its time yet takes no seat either. */
const takesSeat = (appointment: Appointment): boolean => !GONE.has(appointment.status) && (appointment.status !== "pending" || appointment.occupies);

export const seatsOf = (appointments: readonly Appointment[], capacity: number): Seats => ({ taken: appointments.filter(takesSeat).length, all: capacity });

/** Whether they are at one and the same session. */
export const isTogether = (one: Appointment, other: Appointment): boolean => one.service_id === other.service_id && one.starts_at === other.starts_at && one.ends_at === other.ends_at;

const leastFar = (one: Appointment, other: Appointment): number => STATUSES.indexOf(one.status) - STATUSES.indexOf(other.status) || (one.id < other.id ? -1 : 1);

/** Those of one resource, in the order they came. What is cancelled or was moved is at no session any more. */
export function entriesOf(appointments: readonly Appointment[], capacities: Capacities): Entry[] {
  if (!capacities.size) return appointments.map((shown) => ({ shown, all: [shown], seats: null }));
  const entries: { all: Appointment[]; capacity: number | undefined }[] = [];
  const sessions = new Map<string, Appointment[]>();
  for (const appointment of appointments) {
    const capacity = GONE.has(appointment.status) ? undefined : capacities.get(appointment.service_id ?? "");
    const key = `${appointment.service_id} ${appointment.starts_at} ${appointment.ends_at}`;
    const known = capacity === undefined ? undefined : sessions.get(key);
    if (known) known.push(appointment);
    else {
      const all = [appointment];
      if (capacity !== undefined) sessions.set(key, all);
      entries.push({ all, capacity });
    }
  }
  return entries.map(({ all, capacity }) => {
    const sorted = [...all].sort(leastFar);
    return { shown: sorted[0] as Appointment, all: sorted, seats: capacity === undefined ? null : seatsOf(sorted, capacity) };
  });
}

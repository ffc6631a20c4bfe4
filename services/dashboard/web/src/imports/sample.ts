/** A file as one is expected: each of its columns is recognised by its name. */
import { type Day, addDays, weekdayOf } from "../time";

const SATURDAY = 5;
/** Of numbers that are set aside for examples. */
const PEOPLE = [
  ["Ada Example", "+1 202 555 0143", "ada@example.com", "10:00", "First visit"],
  ["Bea Sample", "+1 202 555 0187", "bea@example.com", "11:30", ""],
] as const;

/** Two rows on working days ahead, of a service and a person that there are. */
export function sampleRows({ today, service, minutes, staff }: { today: Day; service: string; minutes: number; staff: string }): string[][] {
  const workday = (day: Day): Day => (weekdayOf(day) >= SATURDAY ? workday(addDays(day, 1)) : day);
  const day = workday(addDays(today, 7));
  return [["Client", "Phone", "E-mail", "Service", "Staff", "Date", "Time", "Duration", "Notes"], ...PEOPLE.map(([client, phone, email, time, notes]) => [client, phone, email, service, staff, day, time, String(minutes), notes])];
}

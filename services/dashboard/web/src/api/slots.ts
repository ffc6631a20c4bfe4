/** The next free times after one that is not, as availability knows them now. */
import { type Instant, addDays, dayOf, instantOf } from "../time";
import type { Appointment } from "./appointments";
import { ask } from "./client";
import type { components } from "./schema/availability";

const DAYS = 7;

/** For this appointment, with this person or room; none where it cannot be told now. */
export async function nextFree(appointment: Appointment, place: { after: Instant; minutes: number; resourceId: string; zone: string }, most = 2): Promise<Instant[]> {
  const day = dayOf(place.after, place.zone);
  const query = {
    ...(appointment.service_id ? { service_id: appointment.service_id } : { business_id: appointment.business_id }),
    duration_minutes: place.minutes,
    resource_id: [place.resourceId],
    ignore: [appointment.id],
    from: day,
    to: addDays(day, DAYS),
    detail: "starts",
  };
  try {
    const { days } = await ask<components["schemas"]["SlotsOut"]>("availability", "/slots", { query });
    return days
      .flatMap((item) => item.slots.map((slot) => instantOf(slot.starts_at)))
      .filter((start) => start > place.after)
      .slice(0, most);
  } catch {
    return [];
  }
}

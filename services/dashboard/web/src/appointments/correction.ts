/** What a correction changes: what was typed here, upon the appointment as it is by now. Pure. */
import { type Appointment, staffOf } from "../api/appointments";

export const CUSTOM = "custom";

/** The fields that were touched. The others follow the appointment, also where somebody else changes it. */
export type Typed = { client?: { id: string | null; text: string }; serviceId?: string; name?: string; minutes?: string; staff?: string | null };

export function correctionOf(appointment: Appointment, typed: Typed) {
  const shown = {
    client: { id: appointment.client_id, text: appointment.client.name },
    serviceId: appointment.service_id ?? CUSTOM,
    name: appointment.service_id ? "" : appointment.service_name,
    minutes: String(appointment.duration_minutes),
    staff: staffOf(appointment)[0]?.id ?? null,
  };
  const wanted = { ...shown, ...typed };
  const custom = wanted.serviceId === CUSTOM;
  const length = Number(wanted.minutes);
  const otherClient = wanted.client.id !== shown.client.id;
  const otherKind = wanted.serviceId !== shown.serviceId;
  const otherService = otherKind || (custom && wanted.name.trim() !== shown.name);
  const otherStaff = wanted.staff !== null && wanted.staff !== shown.staff;
  const otherLength = length !== appointment.duration_minutes;
  // Another service chooses its own room; the same one keeps what the appointment has.
  const choosesRoom = otherKind && !custom;
  const kept = appointment.resources.filter((resource) => resource.kind !== "business" && resource.id !== shown.staff).map((resource) => resource.id);
  const named = otherStaff && wanted.staff ? (choosesRoom ? [wanted.staff] : [...kept, wanted.staff]) : null;
  const whole = wanted.client.id !== null && Number.isInteger(length) && length > 0 && (!custom || wanted.name.trim() !== "");
  return {
    ...wanted,
    currentStaff: shown.staff,
    custom,
    otherClient,
    body: {
      ...(otherClient ? { client_id: wanted.client.id } : {}),
      ...(otherService ? (custom ? { service_name: wanted.name.trim() } : { service_id: wanted.serviceId }) : {}),
      ...(otherKind || otherLength ? { duration_minutes: length } : {}),
      ...(named ? { resource_ids: named } : {}),
    },
    whole,
    /** Whether its time has to be free for it. */
    timed: whole && (otherKind || otherStaff || otherLength),
    length,
    resourceIds: named ?? (choosesRoom ? staffOf(appointment) : appointment.resources).map((resource) => resource.id),
  };
}

/** Does what a card was dropped for, says so with a way back, and where it cannot be done says why and offers another time. */
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type Appointment, type PlainAppointment, move } from "../api/appointments";
import { ProblemError } from "../api/client";
import { showOwn } from "../api/follow";
import { idsInTheWay, readInTheWay, reasonsOf, whenAndWhose } from "../api/inTheWay";
import { nextFree } from "../api/slots";
import { type Clock, dayOf, isoOf } from "../time";
import { sayError } from "../ui/Problem";
import { toast } from "../ui/toasts";
import type { Target } from "./TimeGrid";

const MOST_NAMED = 2;
const TAKEN = ["slot_taken", "class_full"];

export type Terms = { notify: boolean; reason?: string };

const resourcesOf = (appointment: PlainAppointment): string[] => appointment.resources.filter((resource) => resource.kind !== "business").map((resource) => resource.id);

/** The resources of the appointment, with the one of the column it left replaced by that of the column it came to. */
export function resourcesAfter({ appointment, fromResourceId, resourceId }: Target): string[] {
  return [...new Set(resourcesOf(appointment).map((id) => (id === fromResourceId ? resourceId : id)))];
}

/** `onMoved` hears of the id that an appointment has at its new time; `onOpen` shows another one. */
export function useDrop(clock: Clock, { onMoved, onOpen }: { onMoved: (from: string, to: string) => void; onOpen: (id: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();

  /** The id that it has at its new time. */
  const moveTo = async (target: Target, terms: Terms): Promise<string> => {
    const { appointment } = target;
    const done = await move(appointment, {
      starts_at: isoOf(target.start),
      duration_minutes: target.minutes,
      resource_ids: resourcesAfter(target),
      tell_client: terms.notify,
      ...(terms.reason ? { override: { reason: terms.reason } } : {}),
    });
    const moved = done.appointment;
    await showOwn(client, done.replaced, moved);
    toast(`${t("calendar.moved", { name: appointment.client.name, time: clock.dayAndTime(target.start) })} ${t(terms.notify ? "calendar.told" : "calendar.notTold")}`, {
      actions: [{ name: t("undo"), run: () => void undo(moved, appointment, terms) }],
    });
    onMoved(appointment.id, moved.id);
    return moved.id;
  };

  const drop = async (target: Target, terms: Terms): Promise<string | null> => {
    const { appointment } = target;
    try {
      return await moveTo(target, terms);
    } catch (failure) {
      void client.invalidateQueries({ queryKey: ["appointments"] });
      const taken = failure instanceof ProblemError && TAKEN.includes(failure.code);
      if (taken) void client.invalidateQueries({ queryKey: ["calendar"] });
      const [free, others] = await Promise.all([
        taken ? nextFree(appointment, { after: target.start, minutes: target.minutes, resourceId: target.resourceId, zone: clock.zone }) : [],
        // Whoever cannot be read now is not named; the refusal is told all the same.
        readInTheWay(idsInTheWay(reasonsOf(failure))).catch(() => []),
      ]);
      const named = others.slice(0, MOST_NAMED).map((other) => `\u2068${other.client.name}\u2069, ${whenAndWhose(other, clock)}.`);
      const why = [sayError(t, failure), ...named].join(" ");
      const told = t("calendar.notMoved", { name: appointment.client.name, why });
      toast(free.length ? `${told} ${t("calendar.nextFree")}` : told, {
        danger: true,
        actions: [
          ...free.map((start) => ({
            name: dayOf(start, clock.zone) === dayOf(target.start, clock.zone) ? clock.time(start) : clock.dayAndTime(start),
            run: () => void drop({ ...target, start, override: false }, { notify: terms.notify }),
          })),
          ...others.slice(0, 1).map((other) => ({ name: t("inTheWay.open", { name: other.client.name }), run: () => onOpen(other.id) })),
        ],
      });
      return null;
    }
  };

  /** Whoever was told of the move is told of its end. */
  const undo = async (moved: PlainAppointment, before: Appointment, { notify }: Terms) => {
    try {
      const done = await move(moved, { starts_at: before.starts_at, duration_minutes: before.duration_minutes, resource_ids: resourcesOf(before), tell_client: notify });
      await showOwn(client, done.replaced, done.appointment);
    } catch (failure) {
      toast(sayError(t, failure), { danger: true });
    }
  };

  return { drop, moveTo };
}

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, move, readRefused, staffOf, useNewest } from "../api/appointments";
import { useResources } from "../api/catalogue";
import { ProblemError } from "../api/client";
import { showOwn } from "../api/follow";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { type Instant, dayOf, instantOf, isoOf } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { toast } from "../ui/toasts";
import { ReasonSheet } from "./sheets";
import { SlotPicker } from "./SlotPicker";

const RULES = new Set(["too_short_notice", "beyond_booking_window", "resource_cannot_perform", "business_closed", "outside_working_hours", "on_time_off", "external_busy", "slot_taken", "class_full"]);

/** Another time for an appointment, checked against everything but itself. */
export function MoveSheet({ appointment: shown, onClose }: { appointment: Appointment; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const appointment = useNewest(shown);
  const { clock } = useBusiness();
  const resources = useResources();
  const current = staffOf(appointment)[0]?.id ?? null;
  const [chosen, setStaff] = useState<string | null>(null);
  const staff = chosen ?? current;
  const [day, setDay] = useState(dayOf(instantOf(appointment.starts_at), clock.zone));
  const [start, setStart] = useState<Instant | null>(null);
  const [notify, setNotify] = useState(appointment.notify_client);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [forcing, setForcing] = useState(false);
  const mayForce = useRight("override") && error instanceof ProblemError && (RULES.has(error.code) || Boolean(error.problem.reasons?.length));
  const people = (resources.data ?? []).filter((resource) => resource.kind === "staff" && !resource.archived && resource.business_ids.includes(appointment.business_id));

  /** A refusal is shown here, and thrown to whoever waits for it. */
  const go = async (reason?: string) => {
    if (start === null) return;
    setBusy(true);
    setError(null);
    try {
      const kept = appointment.resources.filter((resource) => resource.kind !== "business").map((resource) => (resource.id === current && staff ? staff : resource.id));
      const done = await move(appointment, {
        starts_at: isoOf(start),
        duration_minutes: appointment.duration_minutes,
        resource_ids: kept.length ? kept : undefined,
        tell_client: notify,
        ...(reason ? { override: { reason } } : {}),
      });
      await showOwn(client, done.replaced, done.appointment);
      toast(t("calendar.moved", { name: appointment.client.name, time: clock.dayAndTime(start) }));
      onClose();
    } catch (failure) {
      setError(failure);
      readRefused(client, appointment.id, failure);
      void client.invalidateQueries({ queryKey: ["slots"] });
      throw failure;
    } finally {
      setBusy(false);
    }
  };
  if (forcing) return <ReasonSheet title={t("calendar.override")} action={t("calendar.overrideAction")} onClose={() => setForcing(false)} onDone={go} />;
  return (
    <Sheet
      title={t("move.title", { name: appointment.client.name })}
      onClose={onClose}
      wide
      footer={
        <>
          <Checkbox value={notify} onChange={setNotify}>
            {t("move.notify")}
          </Checkbox>
          <span className="fill" />
          {mayForce && <Button onPress={() => setForcing(true)}>{t("calendar.overrideAction")}</Button>}
          <Button kind="primary" isDisabled={start === null} isPending={busy} onPress={() => void go().catch(() => undefined)}>
            {start === null ? t("verb.reschedule") : t("move.action", { time: clock.dayAndTime(start) })}
          </Button>
        </>
      }
    >
      <p className="lead">
        {t("move.now", { time: clock.dayAndTime(instantOf(appointment.starts_at)), service: appointment.service_name })} <span className="soft">{t("zone", { place: clock.place })}</span>
      </p>
      <Problem error={error} />
      {people.length > 1 && <Select label={t("field.staff")} value={staff} onChange={setStaff} options={people.map((person) => ({ id: person.id, name: person.name }))} />}
      <SlotPicker serviceId={appointment.service_id} businessId={appointment.business_id} minutes={appointment.duration_minutes} staff={staff} ignore={[appointment.id]} value={start} day={day} onDay={setDay} onChange={setStart} />
    </Sheet>
  );
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, edit, readRefused, useNewest } from "../api/appointments";
import { doubtsAbout } from "../api/bookability";
import { useResources, useServices } from "../api/catalogue";
import { ProblemError } from "../api/client";
import { showOwn } from "../api/follow";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { ClientPicker } from "../clients/ClientPicker";
import { duration, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { NamedBy, Problem, sayReason } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { toast } from "../ui/toasts";
import { CUSTOM, correctionOf, type Typed } from "./correction";
import { ReasonSheet } from "./sheets";

const REST = 150;
/** What a new booking is held to, and a correction is not. */
const OF_BOOKINGS = new Set(["too_short_notice", "beyond_booking_window"]);

/** Another client, service or length for an appointment that keeps its start: what is not touched here stays as others have it. */
export function CorrectSheet({ appointment: shown, onClose }: { appointment: Appointment; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const appointment = useNewest(shown);
  const queries = useQueryClient();
  const { clock } = useBusiness();
  const services = (useServices().data ?? []).filter((service) => service.business_id === appointment.business_id && (!service.archived || service.id === appointment.service_id));
  const resources = useResources().data ?? [];
  const people = resources.filter((resource) => resource.kind === "staff" && !resource.archived && resource.business_ids.includes(appointment.business_id));
  const [typed, setTyped] = useState<Typed>({});
  const type = (more: Typed) => setTyped((known) => ({ ...known, ...more }));
  const { client, serviceId, name, minutes, staff, currentStaff, custom, otherClient, whole, timed, length, ...wanted } = correctionOf(appointment, typed);
  const [notify, setNotify] = useState(appointment.notify_client);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [forcing, setForcing] = useState(false);

  const body = { ...wanted.body, ...(otherClient ? { tell_client: notify } : {}) };
  const ready = whole && Object.keys(body).length > 0;
  const wish = JSON.stringify({
    ...(custom ? { business_id: appointment.business_id } : { service_id: serviceId }),
    starts_at: appointment.starts_at,
    duration_minutes: length,
    resource_ids: wanted.resourceIds,
    ignore_appointment_ids: [appointment.id],
  });

  // The first verdict, while the form is filled; the second is booking's. Asked when typing rests, and again when
  // somebody takes or gives back time.
  const [rested, setRested] = useState<string | null>(null);
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(timed ? wish : null), REST);
    return () => clearTimeout(timer);
  }, [timed, wish]);
  const asked = useQuery({ queryKey: ["slots", "doubts", rested], enabled: rested !== null, queryFn: () => doubtsAbout(JSON.parse(rested ?? "{}")) });
  const doubts = rested === wish ? (asked.data ?? []).filter((doubt) => !OF_BOOKINGS.has(doubt.code)) : [];

  /** A refusal is shown here, and thrown to whoever waits for it. */
  const go = async (reason?: string) => {
    setBusy(true);
    setError(null);
    try {
      await showOwn(queries, await edit(appointment, { ...body, ...(reason ? { override: { reason } } : {}) }));
      void queries.invalidateQueries({ queryKey: ["clients"] });
      toast(t("saved"));
      onClose();
    } catch (failure) {
      setError(failure);
      readRefused(queries, appointment.id, failure);
      throw failure;
    } finally {
      setBusy(false);
    }
  };
  const mayForce = useRight("override") && error instanceof ProblemError && Boolean(error.problem.reasons?.length);
  if (forcing) return <ReasonSheet title={t("calendar.override")} action={t("calendar.overrideAction")} onClose={() => setForcing(false)} onDone={go} />;
  return (
    <Sheet
      title={t("correct.title", { name: appointment.client.name })}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <span className="fill" />
          {mayForce && <Button onPress={() => setForcing(true)}>{t("calendar.overrideAction")}</Button>}
          <Button kind="primary" isDisabled={!ready} isPending={busy} onPress={() => void go().catch(() => undefined)}>
            {t("save")}
          </Button>
        </>
      }
    >
      <p className="lead">{t("correct.starts", { time: clock.dayAndTime(instantOf(appointment.starts_at)) })}</p>
      <Problem error={error} />
      {appointment.series_id === null && <ClientPicker label={t("field.client")} value={client} onChange={(client) => type({ client })} hint={client.id === null ? t("correct.nobody") : undefined} />}
      {client.id !== null && otherClient && (
        <Checkbox value={notify} onChange={setNotify}>
          {t("correct.notify")}
        </Checkbox>
      )}
      <Select
        label={t("field.service")}
        value={serviceId}
        onChange={(id) => {
          const chosen = services.find((service) => service.id === id);
          type({ serviceId: id, ...(chosen ? { minutes: String(id === appointment.service_id ? appointment.duration_minutes : chosen.duration_minutes) } : {}) });
        }}
        options={[...services.map((service) => ({ id: service.id, name: service.name, detail: duration(service.duration_minutes, i18n.language) })), { id: CUSTOM, name: t("new.custom") }]}
      />
      {custom && <TextField label={t("new.customName")} value={name} onChange={(name) => type({ name })} maxLength={200} isRequired />}
      <div className="two">
        <TextField label={t("field.minutes")} type="number" value={minutes} onChange={(minutes) => type({ minutes })} isRequired />
        {people.length > 1 && currentStaff !== null && <Select label={t("field.staff")} value={staff} onChange={(staff) => type({ staff })} options={people.map((person) => ({ id: person.id, name: person.name }))} />}
      </div>
      {!error && doubts.length > 0 && (
        <div className="problem" role="status">
          <div>
            <ul>
              {doubts.map((doubt) => (
                <li key={doubt.code}>{sayReason(t, doubt)}</li>
              ))}
            </ul>
            <NamedBy reasons={doubts} />
          </div>
        </div>
      )}
    </Sheet>
  );
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useRight } from "../api/session";
import { AddReminder } from "../messages/AddReminder";
import { ICON, LOOK_AGAIN, MessageState, Thread } from "../messages/Thread";
import { Writer } from "../messages/Writer";
import { shortLead } from "../settings/leads";
import type { Clock } from "../time";
import { useBusy } from "../ui/busy";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";

type Schemas = components["schemas"];
type Reminder = Schemas["ReminderOut"];

export function RemindersTab({ appointment, clock }: { appointment: Appointment; clock: Clock }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const key = ["reminders", appointment.id];
  const reminders = useQuery({ queryKey: key, queryFn: () => ask<Schemas["RemindersOut"]>("notifications", `/appointments/${appointment.id}/reminders`), refetchInterval: LOOK_AGAIN });
  const mayWrite = useRight("send_messages");
  const [error, setError] = useState<unknown>(null);
  const [busy, once] = useBusy();
  /** Until it is answered and shown, another press does nothing. */
  const run = (work: () => Promise<unknown>) =>
    once(async () => {
      setError(null);
      try {
        await work();
        await client.invalidateQueries({ queryKey: key });
      } catch (failure) {
        setError(failure);
      }
    });
  if (!reminders.data) return <Waiting error={reminders.error} rows={3} />;
  return (
    <>
      <Problem error={error} />
      {reminders.data.items.length === 0 && <p className="hint">{t("reminders.none")}</p>}
      {reminders.data.items.map((reminder: Reminder) => (
        <div className="ln" key={reminder.id}>
          <Icon name={ICON[reminder.channel] ?? "bell"} />
          <div>
            {t(`channel.${reminder.channel}`)}, {t("reminders.before", { time: shortLead(reminder, i18n.language) })}
          </div>
          <MessageState message={reminder} clock={clock} />
          {mayWrite && reminder.status === "planned" && (
            <Button kind="quiet" icon="x" aria-label={t("reminders.remove")} isPending={busy} onPress={() => void run(() => ask("notifications", `/appointments/${appointment.id}/reminders/${reminder.id}`, { method: "DELETE" }))} />
          )}
        </div>
      ))}
      {mayWrite && <AddReminder businessId={appointment.business_id} busy={busy} onAdd={(reminder) => void run(() => ask("notifications", `/appointments/${appointment.id}/reminders`, { method: "POST", body: reminder }))} />}
    </>
  );
}

export function MessagesTab({ appointment, clock }: { appointment: Appointment; clock: Clock }) {
  return (
    <>
      <Thread about={{ appointment_id: appointment.id }} clock={clock} />
      <Writer key={appointment.id} appointmentId={appointment.id} businessId={appointment.business_id} />
    </>
  );
}

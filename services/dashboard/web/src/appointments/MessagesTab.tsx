import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { useChannels } from "../api/channels";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useRight } from "../api/session";
import { InboundLine } from "../messages/InboundLine";
import { threadOf } from "../messages/thread";
import { type Clock, duration, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Select, TextField } from "../ui/fields";
import { Icon, type IconName } from "../ui/Icon";
import { Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";

type Schemas = components["schemas"];
export type Message = Schemas["MessageOut"];
type Reminder = Schemas["ReminderOut"];

const ICON: Record<string, IconName> = { email: "mail", sms: "msg", voice: "call", push: "bell" };

/** A state with the reason for it; bad news in red. */
export function MessageState({ message, clock }: { message: Pick<Message, "status" | "reason" | "due_at" | "sent_at"> & { code?: string | null }; clock: Clock }) {
  const { t, i18n } = useTranslation();
  const at = message.sent_at ?? message.due_at;
  const why = message.reason ?? (message.code && i18n.exists(`code.${message.code}`) ? message.code : null);
  return (
    <span className={["failed", "unknown"].includes(message.status) ? "bad" : ""}>
      {t(`outcome.${message.status}`, { defaultValue: message.status })} <time dateTime={at}>{clock.dayAndTime(instantOf(at))}</time>
      {why && <small>{t(`code.${why}`, { defaultValue: why })}</small>}
    </span>
  );
}

export function RemindersTab({ appointment, clock }: { appointment: Appointment; clock: Clock }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const key = ["reminders", appointment.id];
  const reminders = useQuery({ queryKey: key, queryFn: () => ask<Schemas["RemindersOut"]>("notifications", `/appointments/${appointment.id}/reminders`) });
  const mayWrite = useRight("send_messages");
  const channels = useChannels();
  const [channel, setChannel] = useState("email");
  const [before, setBefore] = useState("1440");
  const [error, setError] = useState<unknown>(null);
  const run = (work: Promise<unknown>) => {
    setError(null);
    work.then(() => client.invalidateQueries({ queryKey: key })).catch(setError);
  };
  if (!reminders.data) return <Waiting error={reminders.error} rows={3} />;
  return (
    <>
      <Problem error={error} />
      {reminders.data.items.length === 0 && <p className="hint">{t("reminders.none")}</p>}
      {reminders.data.items.map((reminder: Reminder) => (
        <div className="ln" key={reminder.id}>
          <Icon name={ICON[reminder.channel] ?? "bell"} />
          <div>
            {t(`channel.${reminder.channel}`)}, {t("reminders.before", { time: duration(reminder.minutes_before, i18n.language) })}
          </div>
          <MessageState message={reminder} clock={clock} />
          {mayWrite && reminder.status === "planned" && (
            <Button kind="quiet" icon="x" aria-label={t("reminders.remove")} onPress={() => run(ask("notifications", `/appointments/${appointment.id}/reminders/${reminder.id}`, { method: "DELETE" }))} />
          )}
        </div>
      ))}
      {mayWrite && (
        <form
          className="add-reminder"
          onSubmit={(event) => {
            event.preventDefault();
            run(ask("notifications", `/appointments/${appointment.id}/reminders`, { method: "POST", body: { channel, minutes_before: Number(before) } }));
          }}
        >
          <Select label={t("reminders.channel")} value={channel} onChange={setChannel} options={channels.map((id) => ({ id, name: t(`channel.${id}`) }))} />
          <Select label={t("reminders.when")} value={before} onChange={setBefore} options={[30, 60, 120, 1440, 2880, 10080].map((minutes) => ({ id: String(minutes), name: duration(minutes, i18n.language) }))} />
          <Button type="submit" icon="plus">
            {t("reminders.add")}
          </Button>
        </form>
      )}
    </>
  );
}

export function MessagesTab({ appointment, clock }: { appointment: Appointment; clock: Clock }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const channels = useChannels();
  const mayWrite = useRight("send_messages") && channels.includes("sms");
  const [text, setText] = useState("");
  const [error, setError] = useState<unknown>(null);
  const messages = useQuery({
    queryKey: ["messages", appointment.id],
    queryFn: () => ask<Schemas["Page_MessageOut_"]>("notifications", "/messages", { query: { appointment_id: appointment.id, limit: 100 } }),
  });
  const inbound = useQuery({
    queryKey: ["messages", appointment.id, "inbound"],
    queryFn: () => ask<Schemas["Page_InboundMessageOut_"]>("notifications", "/inbound-messages", { query: { appointment_id: appointment.id, limit: 100 } }),
  });
  const write = async () => {
    setError(null);
    try {
      const answer = await ask<{ results: { ok: boolean; problem: { code: string; detail: string } | null }[] }>("booking", "/appointments/bulk", { method: "POST", body: { verb: "sms_client", ids: [appointment.id], arguments: { text } } });
      const refused = answer.results.find((result) => !result.ok)?.problem;
      if (refused) setError(new Error(refused.detail));
      else setText("");
      void queries.invalidateQueries({ queryKey: ["messages", appointment.id] });
    } catch (failure) {
      setError(failure);
    }
  };
  if (!messages.data || !inbound.data) return <Waiting error={messages.error ?? inbound.error} rows={3} />;
  const thread = threadOf(messages.data.items, inbound.data.items);
  return (
    <>
      {thread.length === 0 && <p className="hint">{t("messages.none")}</p>}
      {thread.map(({ from, message }) =>
        from === "client" ? (
          <InboundLine key={message.id} message={message} clock={clock} />
        ) : (
          <div className="ln" key={message.id}>
            <Icon name={ICON[message.channel] ?? "msg"} />
            <div>
              {t(`message.${message.kind}`, { defaultValue: message.kind })}
              <small>
                <bdi>{message.recipient_name}</bdi> <bdi dir="ltr">{message.address}</bdi>
                {message.segments ? ` · ${t("messages.parts", { count: message.segments })}` : ""}
              </small>
              {message.channel !== "email" && message.text && <q dir="auto">{message.text}</q>}
            </div>
            <MessageState message={message} clock={clock} />
          </div>
        ),
      )}
      {mayWrite && (
        <>
          <Problem error={error} />
          <TextField label={t("messages.write")} value={text} onChange={setText} lines={3} maxLength={640} />
          <Button icon="msg" isDisabled={!text.trim()} onPress={() => void write()}>
            {t("messages.send")}
          </Button>
        </>
      )}
    </>
  );
}

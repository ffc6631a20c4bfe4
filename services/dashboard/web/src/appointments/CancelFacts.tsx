/** What is to be known before an appointment is cancelled: whether it is late for that, and what its client is told. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { useServices } from "../api/catalogue";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useBusiness } from "../business";
import { untilKnown } from "../messages/texts";
import { Clock, duration, now } from "../time";
import { Problem } from "../ui/Problem";
import { noticeOf } from "./cancelNotice";
import "../messages/messages.css";

type Preview = components["schemas"]["PreviewOut"];

/** The service's cancellation notice, which binds clients; staff go beyond it. */
export function CancelPolicy({ appointment }: { appointment: Appointment }) {
  const { t, i18n } = useTranslation();
  const { clock } = useBusiness();
  const service = useServices().data?.find((item) => item.id === appointment.service_id);
  const notice = noticeOf(appointment, service?.cancellation_notice_minutes ?? 0, now());
  if (!notice) return null;
  const time = new Clock(clock.locale, appointment.zone).dayAndTime(notice.until);
  return <p className={notice.late ? "amber" : "hint"}>{t(notice.late ? "cancel.late" : "cancel.inTime", { time, lead: duration(notice.minutes, i18n.language) })}</p>;
}

type NewsProps = { appointment: Appointment; kind: "cancelled" | "declined" };

/** The mail that goes to the client, or why none does. */
export function CancelNews({ appointment: { id, client, version }, kind }: NewsProps) {
  const { t } = useTranslation();
  const preview = useQuery({
    queryKey: ["templates", "news", id, kind, version],
    queryFn: ({ signal }) => ask<Preview>("notifications", "/templates/preview", { method: "POST", body: { kind, appointment_id: id }, signal }),
    gcTime: 10_000,
    ...untilKnown,
  });
  const title = t("writing.previewFor", { name: `\u2068${client.name}\u2069` });
  if (preview.error) return <Problem error={preview.error} lead={`${title}:`} onRetry={() => void preview.refetch()} />;
  if (!preview.data) return null;
  const { reason, subject, text } = preview.data;
  if (reason) {
    return (
      <p className="hint" role="status">
        {t("outcome.suppressed")}: {t(`code.${reason}`, { defaultValue: reason })}
      </p>
    );
  }
  return (
    <section className="as-sent" aria-label={title}>
      <h3>{title}</h3>
      <q dir="auto">
        <b>{subject}</b>
        {`\n\n${text.trim().replace(/\n{3,}/g, "\n\n")}`}
      </q>
    </section>
  );
}

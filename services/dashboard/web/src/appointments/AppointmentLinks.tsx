/** Appointments by name, time and staff. Each opens by itself: what is being typed here stays. */
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { whenAndWhose } from "../api/inTheWay";
import { useBusiness } from "../business";
import { Clock } from "../time";

export function AppointmentLinks({ appointments, most }: { appointments: readonly Appointment[]; most: number }) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  return (
    <ul aria-label={t("inTheWay.title")}>
      {appointments.slice(0, most).map((appointment) => (
        <li key={appointment.id}>
          <a href={`/appointments/${appointment.id}`} target="_blank" rel="noopener">
            <bdi>{appointment.client.name || t("inTheWay.erased")}</bdi>
            <span className="sr"> {t("inTheWay.opens")}</span>
          </a>{" "}
          <bdi>{whenAndWhose(appointment, new Clock(clock.locale, appointment.zone))}</bdi>
        </li>
      ))}
      {appointments.length > most && <li>{t("inTheWay.more", { count: appointments.length - most })}</li>}
    </ul>
  );
}

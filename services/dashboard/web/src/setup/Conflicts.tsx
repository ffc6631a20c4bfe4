/** Which appointments would be left without anybody there, before that is saved and until the next is begun. */
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { AppointmentLinks } from "../appointments/AppointmentLinks";
import { Problem } from "../ui/Problem";

const SHOWN = 10;

export function Conflicts({ appointments, saved, error }: { appointments: readonly Appointment[]; saved?: boolean; error?: unknown }) {
  const { t } = useTranslation();
  if (error) return <Problem error={error} lead={t("availability.unread")} />;
  if (appointments.length === 0) return null;
  return (
    <div className="problem" role="status">
      <div>
        <p>
          {saved && `${t("saved")}. `}
          {t("availability.outside", { count: appointments.length })}
        </p>
        <AppointmentLinks appointments={appointments} most={SHOWN} />
      </div>
    </div>
  );
}

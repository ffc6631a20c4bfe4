/** Of a group service: how many of its seats are taken, and who else is there. */
import { useTranslation } from "react-i18next";
import { type Appointment, GONE, useAppointmentPages } from "../api/appointments";
import { useServices } from "../api/catalogue";
import { capacitiesOf, isTogether, saySeats, seatsOf } from "../calendar/sessions";
import { MINUTE, instantOf, isoOf } from "../time";

type Props = { appointment: Appointment; onOther: (id: string) => void };

export function SeatsTaken({ appointment, onOther }: Props) {
  const services = useServices(appointment.service_id !== null).data ?? [];
  const capacity = capacitiesOf(services).get(appointment.service_id ?? "");
  return capacity === undefined || GONE.has(appointment.status) ? null : <Together appointment={appointment} capacity={capacity} onOther={onOther} />;
}

function Together({ appointment, capacity, onOther }: Props & { capacity: number }) {
  const { t } = useTranslation();
  const start = instantOf(appointment.starts_at);
  const { data } = useAppointmentPages({ service_id: appointment.service_id, resource_id: appointment.resources[0]?.id, from: isoOf(start), to: isoOf(start + MINUTE) }, "starts_at");
  // While that is being asked, what is known of the former one is no answer.
  const found = data?.pages.flatMap((page) => page.items).filter((other) => isTogether(other, appointment) && !GONE.has(other.status)) ?? [];
  if (!found.some((other) => other.id === appointment.id)) return null;
  return (
    <>
      <dt>{t("drawer.seats")}</dt>
      <dd>
        {saySeats(seatsOf(found, capacity), t)}
        {found.length > 1 && (
          <ul className="dates-list">
            {found.map((other) => (
              <li key={other.id}>
                {other.id === appointment.id ? (
                  <b>
                    <bdi>{other.client.name}</bdi>
                  </b>
                ) : (
                  <button type="button" className="link" onClick={() => onOther(other.id)}>
                    <bdi>{other.client.name}</bdi>
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </dd>
    </>
  );
}

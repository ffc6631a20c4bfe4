/** The drawer's head: when, who, and the ways on from here. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { useBusiness } from "../business";
import { Clock, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";

/** The appointments before and after this one, where it is shown in a list; null at its ends. */
export type Neighbours = { previous: (() => void) | null; next: (() => void) | null };

export function When({ appointment }: { appointment: Appointment }) {
  const { clock } = useBusiness();
  const own = new Clock(clock.locale, appointment.zone);
  const from = instantOf(appointment.starts_at);
  return (
    <span className="n">
      <bdi>
        {own.shortDay(from)}, {own.range(from, instantOf(appointment.ends_at))}
      </bdi>
    </span>
  );
}

export function Who({ appointment: { client, client_id: id }, heading }: { appointment: Appointment; heading: React.RefObject<HTMLHeadingElement | null> }) {
  return (
    <>
      <h2 ref={heading} tabIndex={-1}>
        <Link to="/clients/$id" params={{ id }}>
          <bdi>{client.name}</bdi>
        </Link>
      </h2>
      <p>
        {client.phone && (
          <a href={`tel:${client.phone}`}>
            <bdi dir="ltr">{client.phone}</bdi>
          </a>
        )}
        {client.phone && client.email && " · "}
        {client.email && (
          <a href={`mailto:${client.email}`}>
            <bdi>{client.email}</bdi>
          </a>
        )}
      </p>
    </>
  );
}

/** To the one before and after, to all of it, and out. At an end its button stays, or the focus would go with it. */
export function Ways({ id, onClose, full, neighbours }: { id: string; onClose: () => void; full?: boolean; neighbours: Neighbours | null }) {
  const { t } = useTranslation();
  return (
    <>
      {neighbours &&
        (["previous", "next"] as const).map((way) => (
          <button type="button" key={way} className="btn quiet ic" aria-label={t(`drawer.${way}`)} aria-disabled={!neighbours[way]} onClick={() => neighbours[way]?.()}>
            <Icon name={way === "previous" ? "above" : "down"} />
          </button>
        ))}
      {!full && (
        <Link to="/appointments/$id" params={{ id }} className="btn quiet ic" aria-label={t("drawer.full")}>
          <Icon name="full" />
        </Link>
      )}
      <Button kind="quiet" icon="x" aria-label={t("close")} onPress={onClose} />
    </>
  );
}

/** One appointment in the list, and what a row can be told to do. */
import { memo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, type Status, staffOf } from "../api/appointments";
import type { Column } from "../api/preferences";
import type { Reminded } from "../api/signals";
import { numbers } from "../numbers";
import { type Clock, duration, instantOf } from "../time";
import { Button } from "../ui/Button";
import { PlainCheckbox } from "../ui/fields";
import { Icon, type IconName } from "../ui/Icon";
import { Menu } from "../ui/Menu";
import { Avatar, StatusPill } from "../ui/Pill";
import { alongRow } from "./alongRow";
import type { SortKey } from "./filters";
import type { useVerbs } from "./useVerbs";

type RowProps = {
  appointment: Appointment;
  /** No longer among what the list shows: it leaves when the pointer does. */
  gone: boolean;
  clock: Clock;
  otherBusiness: string | undefined;
  language: string;
  sorted: SortKey;
  selected: boolean;
  open: boolean;
  /** What keys act on. */
  current: boolean;
  reminded: Reminded | undefined;
  /** Where Tab comes to the list. */
  stop: boolean;
  hidden: ReadonlySet<Column>;
  hand: RowHand;
};

/** What a row can be told to do. */
export type RowHand = Pick<ReturnType<typeof useVerbs>, "verbsOf" | "start"> & {
  select: (id: string, range: boolean) => void;
  focus: (id: string) => void;
  open: (id: string) => void;
};

const GONE_LOOK = new Set<Status>(["cancelled", "rescheduled", "dismissed"]);

/** Drawn anew only when it has changed itself. Its buttons are made when somebody comes near: until then nobody sees them. */
export const Row = memo(function Row({ appointment, gone, clock, otherBusiness, language, sorted, selected, open, current, reminded, stop, hidden, hand }: RowProps) {
  const { t } = useTranslation();
  const [near, setNear] = useState(false);
  const start = instantOf(appointment.starts_at);
  const staff = staffOf(appointment);
  const onOpen = () => hand.open(appointment.id);
  const shift = useRef(false);
  const label = `${appointment.client.name}, ${clock.dayAndTime(start)}`;
  return (
    <tr className={`${gone || GONE_LOOK.has(appointment.status) ? "off " : ""}${open ? "cur" : current ? "at" : ""}`} aria-selected={selected} onClick={onOpen} onPointerEnter={() => setNear(true)} onFocus={() => setNear(true)} onKeyDown={alongRow}>
      <td className="c-check" onClick={(event) => event.stopPropagation()} onPointerDown={(event) => { shift.current = event.shiftKey; }}>
        <PlainCheckbox excludeFromTabOrder label={t("list.select", { label })} value={selected} onChange={() => { hand.select(appointment.id, shift.current); shift.current = false; }} />
      </td>
      <td className="t">
        {sorted !== "starts_at" && <small>{clock.shortDay(start)}</small>}
        <b>{clock.time(start)}</b>
        <small>
          <bdi>{sortedBy(appointment, sorted, clock, language) ?? duration(appointment.duration_minutes, language)}</bdi>
        </small>
      </td>
      <td className="c-client">
        <button type="button" className="rowlink" tabIndex={stop ? 0 : -1} data-row={appointment.id} onFocus={() => hand.focus(appointment.id)} onClick={(event) => { event.stopPropagation(); onOpen(); }}>
          <bdi>{appointment.client.name}</bdi>
        </button>
        <small>
          <bdi dir={appointment.client.phone ? "ltr" : undefined}>{appointment.client.phone ?? appointment.client.email ?? ""}</bdi>
        </small>
      </td>
      {!hidden.has("service") && (
        <td className="c-service">
          <b className="light">
            <bdi>{appointment.service_name}</bdi>
            {staff[0] && (
              <span className="only-s">
                {" · "}
                <bdi>{staff.map((person) => person.name).join(", ")}</bdi>
              </span>
            )}
          </b>
          <small>
            <bdi>{[appointment.action_name, otherBusiness].filter(Boolean).join(" · ")}</bdi>
          </small>
        </td>
      )}
      {!hidden.has("staff") && (
        <td className="c-staff hide-m">
          {staff[0] && (
            <span className="who">
              <Avatar name={staff[0].name} />
              <span>
                <bdi>{staff.map((person) => person.name).join(", ")}</bdi>
              </span>
            </span>
          )}
        </td>
      )}
      {!hidden.has("status") && (
        <td className="c-status">
          <StatusPill status={appointment.status} />
        </td>
      )}
      {!hidden.has("source") && (
        <td className="hide-m soft">
          {t(`source.${appointment.source}`, { defaultValue: appointment.source })}
          {appointment.origin.kind !== "independent" && <small>{t(`origin.${appointment.origin.kind}`)}</small>}
        </td>
      )}
      <td className="c-act" onClick={(event) => event.stopPropagation()}>
        {!hidden.has("signals") && (
          <span className="sig">
            {reminded && <Signal name={t(`signal.${reminded}`)} icon="bell" bad={reminded === "undelivered"} />}
            {(appointment.notes || appointment.internal_notes) && <Signal name={t("list.note")} icon="note" />}
            {appointment.series_id && <Signal name={t("list.series")} icon="rep" />}
          </span>
        )}
        {near && <Acts appointment={appointment} label={label} hand={hand} />}
      </td>
    </tr>
  );
});

const Signal = ({ name, icon, bad }: { name: string; icon: IconName; bad?: boolean }) => (
  <span role="img" aria-label={name} title={name} className={bad ? "bad" : undefined}>
    <Icon name={icon} />
  </span>
);

function Acts({ appointment, label, hand }: { appointment: Appointment; label: string; hand: RowHand }) {
  const { t } = useTranslation();
  const verbs = hand.verbsOf(appointment);
  const likely = verbs.find((verb) => !verb.why && ["approve", "confirm", "complete"].includes(verb.id));
  return (
    <span className="act">
      {likely && (
        <Button excludeFromTabOrder icon={likely.icon} onPress={() => hand.start(appointment, likely.id)}>
          {likely.name}
        </Button>
      )}
      {verbs.length > 0 && <Menu excludeFromTabOrder label={t("list.more", { label })} items={verbs} onAction={(verb) => hand.start(appointment, verb)} />}
    </span>
  );
}

/** What the list is sorted by, where no column shows it. */
function sortedBy(appointment: Appointment, sorted: SortKey, clock: Clock, language: string): string | undefined {
  if (sorted === "created_at" || sorted === "updated_at") return clock.dayAndTime(instantOf(appointment[sorted]));
  if (sorted !== "price") return undefined;
  const price = appointment.actual_price ?? appointment.quoted_price;
  return price ? numbers(language, { style: "currency", currency: price.currency }).format(Number(price.amount)) : "–";
}

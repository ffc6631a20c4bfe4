import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, GONE, type Status } from "../api/appointments";
import { type Clock, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Waiting } from "../ui/Page";
import { sayReason } from "../ui/Problem";
import { pageOf, useSeries } from "./series";

const AT_ONCE = 12;

type Props = {
  seriesId: string;
  /** The appointment that is shown. */
  current: Appointment;
  clock: Clock;
  onOther: (id: string) => void;
  onChange: (() => void) | null;
};

/** All dates of a series, some at once; of those that were left out, why. */
export default function SeriesDates({ seriesId, current, clock, onOther, onChange }: Props) {
  const { t } = useTranslation();
  const { data: series, error } = useSeries(seriesId);
  const [chosen, setChosen] = useState<number | null>(null);
  if (!series) return <Waiting error={error} />;
  const { items, number, pages } = pageOf(series.occurrences, AT_ONCE, current, chosen);
  const first = number * AT_ONCE + 1;
  const when = (text: string) => `${clock.datedDay(instantOf(text))}, ${clock.time(instantOf(text))}`;
  return (
    <>
      <ul className="dates-list">
        {items.map(({ occurs_on, starts_at, appointment_id: id, appointment_starts_at, appointment_status: status, reasons }) => (
          <li key={occurs_on}>
            {id === null ? (
              <span className="soft">{when(starts_at)}</span>
            ) : id === current.id ? (
              <b>{when(appointment_starts_at ?? starts_at)}</b>
            ) : (
              <button type="button" className="link" onClick={() => onOther(id)}>
                {when(appointment_starts_at ?? starts_at)}
              </button>
            )}
            {status !== null && GONE.has(status as Status) && <small> · {t(`status.${status}`)}</small>}
            {id === null && <small> · {reasons.map((reason) => sayReason(t, reason)).join(" ")}</small>}
          </li>
        ))}
      </ul>
      {pages > 1 && (
        <span className="r1">
          <Turn way="prev" name={t("calendar.previous")} to={number > 0 ? () => setChosen(number - 1) : null} />
          <small>{t("calendar.of", { shown: `${first}–${first + items.length - 1}`, all: series.occurrences.length })}</small>
          <Turn way="next" name={t("calendar.next")} to={number < pages - 1 ? () => setChosen(number + 1) : null} />
        </span>
      )}
      {onChange && (
        <Button kind="quiet" onPress={onChange}>
          {t("verb.series")}
        </Button>
      )}
    </>
  );
}

/** At an end the button stays, or the focus would go with it. */
function Turn({ way, name, to }: { way: "prev" | "next"; name: string; to: (() => void) | null }) {
  return (
    <button type="button" className="btn quiet ic flip" aria-label={name} aria-disabled={!to} onClick={() => to?.()}>
      <Icon name={way} />
    </button>
  );
}

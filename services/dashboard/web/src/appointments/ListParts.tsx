/** The parts of the list around its rows. */
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, type Counts, STATUSES, type Status } from "../api/appointments";
import { numbers } from "../numbers";
import { type Clock, addDays, dayOf, now, startOfDay } from "../time";
import { Icon } from "../ui/Icon";
import { type SortKey, keyOf, sortBy } from "./filters";

export function SearchField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = window.setTimeout(() => onChange(text), 250);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [text]);
  return (
    <label className="find">
      <Icon name="search" />
      <span className="sr">{t("list.search")}</span>
      <input type="search" value={text} onChange={(event) => setText(event.target.value)} placeholder={t("list.search")} maxLength={200} />
    </label>
  );
}

type StatusTabsProps = { counts: Counts | undefined; failed: boolean; chosen: readonly Status[] | undefined; onChoose: (status: Status[] | undefined) => void };

/** A tab for each status, with how many there are. */
export function StatusTabs({ counts, failed, chosen, onChoose }: StatusTabsProps) {
  const { t } = useTranslation();
  return (
    <nav className="tabs" aria-label={t("list.byStatus")}>
      <StatusTab name={t("list.all")} count={counts?.total} failed={failed} on={!chosen} onChoose={() => onChoose(undefined)} />
      {STATUSES.map((status) => (
        <StatusTab key={status} name={t(`status.${status}`)} count={counts && (counts.by_status[status] ?? 0)} failed={failed} on={chosen?.length === 1 && chosen[0] === status} onChoose={() => onChoose([status])} />
      ))}
    </nav>
  );
}

function StatusTab({ name, count, failed, on, onChoose }: { name: string; count: number | undefined; failed: boolean; on: boolean; onChoose: () => void }) {
  const { i18n } = useTranslation();
  return (
    <button type="button" aria-current={on ? "page" : undefined} onClick={onChoose}>
      {name} <small>{failed ? "–" : count === undefined ? "" : numbers(i18n.language).format(count)}</small>
    </button>
  );
}

export const Spacer = ({ height, columns }: { height: number; columns: number }) =>
  height > 0 ? (
    <tr aria-hidden="true">
      <td colSpan={columns} style={{ blockSize: height, padding: 0, border: 0 }} />
    </tr>
  ) : null;

export function DayRow({ day, appointments, clock, complete, columns }: { day: string; appointments: readonly Appointment[]; clock: Clock; complete: boolean; columns: number }) {
  const { t } = useTranslation();
  const today = dayOf(now(), clock.zone);
  const pending = appointments.filter((appointment) => appointment.status === "pending").length;
  const name = clock.fullDay(startOfDay(day, clock.zone));
  const near = day === today ? `${t("today")}, ` : day === addDays(today, 1) ? `${t("tomorrow")}, ` : "";
  return (
    <tr className="day">
      <td colSpan={columns}>
        <bdi>{near + name}</bdi>
        <span>
          {complete && t("list.count", { count: appointments.length })}
          {pending > 0 && ` · ${t("list.pending", { count: pending })}`} · {t("zone", { place: clock.place })}
        </span>
      </td>
    </tr>
  );
}

export function SortHead({ name, column, sort, className, onSort }: { name: string; column: SortKey; sort: string; className?: string; onSort: (sort: string) => void }) {
  const on = keyOf(sort) === column;
  return (
    <th className={className} aria-sort={on ? (sort.startsWith("-") ? "descending" : "ascending") : "none"}>
      <button type="button" tabIndex={-1} onClick={() => onSort(sortBy(column, sort))}>
        {name} {on && <span aria-hidden="true">{sort.startsWith("-") ? "↓" : "↑"}</span>}
      </button>
    </th>
  );
}

/** One month; the business's day is marked, and weeks begin where they do in its country. */
import { GregorianCalendar, parseDate } from "@internationalized/date";
import { Calendar, CalendarCell, CalendarGrid, CalendarGridBody, CalendarGridHeader, CalendarHeaderCell, Heading, I18nProvider } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Clock, Day } from "../time";
import { Button } from "../ui/Button";

const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

type Props = { day: Day; today: Day; clock: Clock; onChange: (day: Day) => void };

export default function MonthPicker({ day, today, clock, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <I18nProvider locale={clock.locale}>
      <Calendar className="month" aria-label={t("calendar.pick")} value={parseDate(day)} onChange={(date) => onChange(date.toString())} createCalendar={() => new GregorianCalendar()} firstDayOfWeek={WEEKDAYS[clock.firstWeekday]} autoFocus>
        <header>
          <Button slot="previous" kind="quiet" icon="prev" mirrored aria-label={t("calendar.previous")} />
          <Heading />
          <Button slot="next" kind="quiet" icon="next" mirrored aria-label={t("calendar.next")} />
        </header>
        <CalendarGrid weekdayStyle="short">
          <CalendarGridHeader>{(name) => <CalendarHeaderCell>{name}</CalendarHeaderCell>}</CalendarGridHeader>
          <CalendarGridBody>{(date) => <CalendarCell date={date} className={date.toString() === today ? "date today" : "date"} />}</CalendarGridBody>
        </CalendarGrid>
      </Calendar>
    </I18nProvider>
  );
}

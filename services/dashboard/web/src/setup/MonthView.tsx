/** A month of dates with their hours, and what differs on them: overrides, time off, closures, holidays. */
import { GregorianCalendar, parseDate } from "@internationalized/date";
import { useState } from "react";
import { Calendar, CalendarCell, CalendarGrid, CalendarGridBody, CalendarGridHeader, CalendarHeaderCell, Heading, I18nProvider } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { components } from "../api/schema/availability";
import { type Clock, type Day, dayOf, now, startOfDay } from "../time";
import { Button } from "../ui/Button";
import { sayHours } from "./hours";
import { factsOf } from "./monthDays";
import "../calendar/gridextra.css";
import "./month.css";

type Schedule = components["schemas"]["ScheduleOut"];
export type Wish = { what: "hours" | "away"; day: Day };
type Props = { schedule: Schedule; business: Schedule | null; clock: Clock; mayWrite: boolean; onWish: (wish: Wish) => void };

const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export default function MonthView({ schedule, business, clock, mayWrite, onWish }: Props) {
  const { t } = useTranslation();
  const today = dayOf(now(), clock.zone);
  const [day, setDay] = useState<Day>(today);
  const facts = factsOf(day, schedule, business, clock);
  const hours = sayHours(facts.intervals);
  return (
    <section className="panel">
      <h2>{t("availability.month")}</h2>
      <I18nProvider locale={clock.locale}>
        <Calendar
          className="month of-hours"
          aria-label={t("availability.month")}
          value={parseDate(day)}
          onChange={(date) => setDay(date.toString())}
          focusedValue={parseDate(day)}
          onFocusChange={(date) => setDay(date.toString())}
          createCalendar={() => new GregorianCalendar()}
          firstDayOfWeek={WEEKDAYS[clock.firstWeekday]}
        >
          <header>
            <Button slot="previous" kind="quiet" icon="prev" mirrored aria-label={t("calendar.previous")} />
            <Heading />
            <Button slot="next" kind="quiet" icon="next" mirrored aria-label={t("calendar.next")} />
          </header>
          <CalendarGrid weekdayStyle="short">
            <CalendarGridHeader>{(name) => <CalendarHeaderCell>{name}</CalendarHeaderCell>}</CalendarGridHeader>
            <CalendarGridBody>
              {(date) => {
                const on = date.toString();
                const { kind, intervals, notes } = factsOf(on, schedule, business, clock);
                return (
                  <CalendarCell date={date} className={`date is-${kind}${on === today ? " today" : ""}`}>
                    {({ formattedDate }) => (
                      <>
                        <b>{formattedDate}</b>
                        <small>
                          <bdi>{notes[0] ?? (sayHours(intervals) || t(`availability.kind.${kind}`))}</bdi>
                        </small>
                      </>
                    )}
                  </CalendarCell>
                );
              }}
            </CalendarGridBody>
          </CalendarGrid>
        </Calendar>
      </I18nProvider>
      <p role="status">
        <b>{clock.fullDay(startOfDay(day, clock.zone))}</b>: {t(`availability.kind.${facts.kind}`)}
        {hours && (
          <>
            {" · "}
            <bdi dir="ltr">{hours}</bdi>
          </>
        )}
        {facts.notes.map((note) => (
          <span key={note}>
            {" · "}
            <bdi>{note}</bdi>
          </span>
        ))}
      </p>
      {mayWrite && (
        <div className="row">
          <Button onPress={() => onWish({ what: "hours", day })}>{t("availability.otherHours")}</Button>
          <Button onPress={() => onWish({ what: "away", day })}>{t(business ? "availability.takeOff" : "availability.close")}</Button>
        </div>
      )}
    </section>
  );
}

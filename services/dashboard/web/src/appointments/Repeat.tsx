import { useTranslation } from "react-i18next";
import { type Clock, type Instant, dayOf, now, startOfDay, addDays, weekdayOf, weekdaysFrom, startOfWeek } from "../time";
import { Checkbox, Select, TextField } from "../ui/fields";

export type Rule = { freq: "weekly" | "monthly" | "yearly"; interval: number; weekdays: number[]; count: number };

export const ruleBody = (rule: Rule) => ({
  freq: rule.freq,
  interval: rule.interval,
  count: rule.count,
  ...(rule.freq === "weekly" ? { weekdays: rule.weekdays } : {}),
});

/** Every week, month or year, so many times. Dates that cannot be booked are skipped and named. */
export function Repeat({ value, start, clock, onChange }: { value: Rule | null; start: Instant | null; clock: Clock; onChange: (rule: Rule | null) => void }) {
  const { t } = useTranslation();
  const weekday = weekdayOf(dayOf(start ?? now(), clock.zone));
  const monday = startOfWeek(dayOf(now(), clock.zone));
  return (
    <div className="stack">
      <Select
        label={t("repeat.title")}
        value={value?.freq ?? "never"}
        onChange={(freq) => onChange(freq === "never" ? null : { interval: 1, count: 10, ...value, weekdays: value?.weekdays.length ? value.weekdays : [weekday], freq: freq as Rule["freq"] })}
        options={["never", "weekly", "monthly", "yearly"].map((id) => ({ id, name: t(`repeat.${id}`) }))}
      />
      {value && (
        <div className="two">
          <TextField label={t("repeat.interval")} type="number" value={String(value.interval)} onChange={(text) => onChange({ ...value, interval: Math.max(1, Number(text) || 1) })} />
          <TextField label={t("repeat.count")} type="number" value={String(value.count)} onChange={(text) => onChange({ ...value, count: Math.max(1, Number(text) || 1) })} />
        </div>
      )}
      {value?.freq === "weekly" && (
        <div className="row" role="group" aria-label={t("repeat.on")}>
          {weekdaysFrom(clock.firstWeekday).map((day) => (
            <Checkbox key={day} value={value.weekdays.includes(day)} onChange={(on) => onChange({ ...value, weekdays: on ? [...value.weekdays, day].sort() : value.weekdays.filter((other) => other !== day) })}>
              {clock.weekday(startOfDay(addDays(monday, day), clock.zone) + 43_200_000)}
            </Checkbox>
          ))}
        </div>
      )}
    </div>
  );
}

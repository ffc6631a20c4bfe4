import { useTranslation } from "react-i18next";
import { type Clock, type Instant, addDays, dayOf, now, startOfDay, startOfWeek, weekdayOf, weekdaysFrom } from "../time";
import { Checkbox, Select, TextField } from "../ui/fields";
import { type End, type Rule, firstRule, isWhole } from "./recurrence";

/** Every week, month or year, until a number of dates, a day, or without end. */
export function Repeat({ value, start, clock, onChange }: { value: Rule | null; start: Instant | null; clock: Clock; onChange: (rule: Rule | null) => void }) {
  const { t } = useTranslation();
  const first = dayOf(start ?? now(), clock.zone);
  const monday = startOfWeek(dayOf(now(), clock.zone));
  const choose = (freq: string) => onChange(freq === "never" ? null : { ...(value ?? firstRule(freq as Rule["freq"], first, weekdayOf(first))), freq: freq as Rule["freq"] });
  return (
    <div className="stack">
      <Select label={t("repeat.title")} value={value?.freq ?? "never"} onChange={choose} options={["never", "weekly", "monthly", "yearly"].map((id) => ({ id, name: t(`repeat.${id}`) }))} />
      {value && (
        <>
          <div className="two">
            <TextField label={t("repeat.interval")} type="number" value={String(value.interval)} onChange={(text) => onChange({ ...value, interval: Math.max(1, Number(text) || 1) })} />
            <Select
              label={t("series.ends")}
              value={value.end}
              onChange={(end) => onChange({ ...value, end: end as End })}
              options={[
                { id: "count", name: t("series.byCount") },
                { id: "until", name: t("series.byDate") },
                { id: "never", name: t("series.endless") },
              ]}
            />
          </div>
          {value.end === "count" && <TextField label={t("repeat.count")} type="number" value={String(value.count)} onChange={(text) => onChange({ ...value, count: Math.max(1, Number(text) || 1) })} />}
          {value.end === "until" && <TextField label={t("availability.until")} type="date" value={value.until} onChange={(until) => onChange({ ...value, until })} isRequired error={isWhole(value, first) ? null : t("series.notBefore")} />}
          {value.end === "never" && <p className="hint">{t("series.endlessHint")}</p>}
        </>
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
      {value && (
        <Select
          label={t("series.onConflict")}
          value={value.onConflict}
          onChange={(choice) => onChange({ ...value, onConflict: choice as Rule["onConflict"] })}
          options={[
            { id: "skip", name: t("series.bookRest") },
            { id: "fail", name: t("series.bookNone") },
          ]}
        />
      )}
    </div>
  );
}

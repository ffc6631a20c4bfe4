/** The daily agenda: a mail with what is in one's own calendar on one day, at an hour of one's own choice. */
import { useTranslation } from "react-i18next";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Select } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { useStaffPreferences } from "./staffPreferences";

const NEVER = "never";
const HALF_HOURS = Array.from({ length: 48 }, (_, place) => `${String(place >> 1).padStart(2, "0")}:${place % 2 ? "30" : "00"}`);

export function AgendaForm() {
  const { t, i18n } = useTranslation();
  const { clock } = useBusiness();
  const { chosen: now, change, error } = useStaffPreferences();
  if (!now) return null;
  const time = new Intl.DateTimeFormat(i18n.language, { timeStyle: "short", timeZone: "UTC" });
  const hours = [...new Set([...HALF_HOURS, ...(now.agenda_at ? [now.agenda_at] : [])])].sort();
  return (
    <section className="panel" aria-labelledby="agenda-title">
      <h2 id="agenda-title">{t("settings.agenda")}</h2>
      <p className="soft">{t("settings.agendaHint")}</p>
      <Problem error={error} />
      <div className="two">
        <Select
          label={t("settings.agendaAt")}
          value={now.agenda_at ?? NEVER}
          onChange={(at) => change({ agenda_at: at === NEVER ? null : at })}
          options={[{ id: NEVER, name: t("settings.agendaNever") }, ...hours.map((id) => ({ id, name: time.format(new Date(`1970-01-01T${id}Z`)) }))]}
        />
        {now.agenda_at && (
          <Select
            label={t("settings.agendaDay")}
            value={now.agenda_ahead ? "ahead" : "same"}
            onChange={(day) => change({ agenda_ahead: day === "ahead" })}
            options={[{ id: "same", name: t("settings.agendaSameDay") }, { id: "ahead", name: t("settings.agendaDayBefore") }]}
          />
        )}
      </div>
      {now.agenda_at && !now.agenda_zone && <p className="amber" role="status">{t("settings.agendaNoCalendar")}</p>}
      {now.agenda_next_at && <p className="soft" role="status">{t("settings.agendaNext", { time: clock.dayAndTime(instantOf(now.agenda_next_at)), zone: now.agenda_zone })}</p>}
    </section>
  );
}

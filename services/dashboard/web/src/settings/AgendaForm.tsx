/** The daily agenda: a mail with what is in one's own calendar on one day, at an hour of one's own choice. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Select } from "../ui/fields";
import { Problem } from "../ui/Problem";

type Chosen = components["schemas"]["StaffPreferencesOut"];

const PATH = "/staff-preferences";
const KEY = ["staff-preferences"];
const NEVER = "never";
const HALF_HOURS = Array.from({ length: 48 }, (_, place) => `${String(place >> 1).padStart(2, "0")}:${place % 2 ? "30" : "00"}`);

export function AgendaForm() {
  const { t, i18n } = useTranslation();
  const { clock } = useBusiness();
  const queries = useQueryClient();
  const chosen = useQuery({ queryKey: KEY, queryFn: () => ask<Chosen>("notifications", PATH) });
  const [error, setError] = useState<unknown>(null);
  const [isSaving, setSaving] = useState(false);
  const now = chosen.data;
  if (!now) return null;
  const save = async (agenda_at: string | null, agenda_ahead: boolean) => {
    setError(null);
    setSaving(true);
    try {
      queries.setQueryData(KEY, await ask<Chosen>("notifications", PATH, { method: "PUT", version: now.version, body: { agenda_at, agenda_ahead } }));
    } catch (failure) {
      setError(failure);
      await queries.invalidateQueries({ queryKey: KEY });
    } finally {
      setSaving(false);
    }
  };
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
          isDisabled={isSaving}
          onChange={(at) => void save(at === NEVER ? null : at, now.agenda_ahead)}
          options={[{ id: NEVER, name: t("settings.agendaNever") }, ...hours.map((id) => ({ id, name: time.format(new Date(`1970-01-01T${id}Z`)) }))]}
        />
        {now.agenda_at && (
          <Select
            label={t("settings.agendaDay")}
            value={now.agenda_ahead ? "ahead" : "same"}
            isDisabled={isSaving}
            onChange={(day) => void save(now.agenda_at, day === "ahead")}
            options={[{ id: "same", name: t("settings.agendaSameDay") }, { id: "ahead", name: t("settings.agendaDayBefore") }]}
          />
        )}
      </div>
      {now.agenda_at && !now.agenda_zone && <p className="amber" role="status">{t("settings.agendaNoCalendar")}</p>}
      {now.agenda_next_at && <p className="soft" role="status">{t("settings.agendaNext", { time: clock.dayAndTime(instantOf(now.agenda_next_at)), zone: now.agenda_zone })}</p>}
    </section>
  );
}

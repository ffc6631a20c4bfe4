/** What one is told of: by event and channel, and how long before one's appointments one is reminded. */
import { useTranslation } from "react-i18next";
import { useChannelStates } from "../api/channels";
import type { components } from "../api/schema/notifications";
import { Checkbox, Select } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { type Lead, leadId, leadOf, leadsWith, sayLead } from "./leads";
import { type Chosen, useStaffPreferences } from "./staffPreferences";
import { useOwnBrowsers } from "./usePush";

type Told = components["schemas"]["StaffToldOut"];

const EVENTS: readonly (keyof Told)[] = ["assigned", "unassigned", "rescheduled", "cancelled", "answered"];
const CHANNELS = ["email", "push"] as const;
type StaffChannel = (typeof CHANNELS)[number];
const OFF = "off";

export function StaffChoices() {
  const { t } = useTranslation();
  const { chosen, change, error } = useStaffPreferences();
  const states = useChannelStates();
  const browsers = useOwnBrowsers();
  if (!chosen || !states) return null;
  const canBe = (channel: StaffChannel) => states.some((state) => state.channel === channel && state.available);
  const isIdle = canBe("push") && browsers?.length === 0;
  return (
    <section className="panel" aria-labelledby="choices-title">
      <h2 id="choices-title">{t("settings.choices")}</h2>
      <p className="soft" id="choices-hint">{t("settings.choicesHint")}</p>
      <Problem error={error} />
      <table className="plain-table choices" aria-labelledby="choices-title" aria-describedby="choices-hint">
        <thead>
          <tr>
            <th scope="col">{t("settings.choicesEvent")}</th>
            {CHANNELS.map((channel) => (
              <th scope="col" key={channel}>{t(`channel.${channel}`)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t("settings.told.reminder")}</th>
            {CHANNELS.map((channel) => (
              <td key={channel}>
                <LeadChoice name={`${t("settings.told.reminder")}: ${t(`channel.${channel}`)}`} lead={chosen.reminders[channel]} isDisabled={!canBe(channel)} onChange={(lead) => change({ reminders: { ...chosen.reminders, [channel]: lead } })} />
              </td>
            ))}
          </tr>
          {EVENTS.map((event) => (
            <tr key={event}>
              <th scope="row">{t(`settings.told.${event}`)}</th>
              {CHANNELS.map((channel) => (
                <td key={channel}>
                  <Checkbox label={`${t(`settings.told.${event}`)}: ${t(`channel.${channel}`)}`} value={chosen.told_by[event].includes(channel)} isDisabled={!canBe(channel)} onChange={(on) => change({ told_by: withChoice(chosen, event, channel, on) })} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {!canBe("push") && <p className="soft">{t("settings.choicesNoPush")}</p>}
      {isIdle && <p className="amber" role="status">{t("settings.choicesNoBrowser")}</p>}
    </section>
  );
}

function withChoice(chosen: Chosen, event: keyof Told, channel: StaffChannel, on: boolean): Told {
  const others = chosen.told_by[event].filter((other) => other !== channel);
  return { ...chosen.told_by, [event]: on ? [...others, channel] : others };
}

function LeadChoice({ name, lead, isDisabled, onChange }: { name: string; lead: Lead | null; isDisabled: boolean; onChange: (lead: Lead | null) => void }) {
  const { t, i18n } = useTranslation();
  const options = leadsWith(lead).map((one) => ({ id: leadId(one), name: t("settings.leadBefore", { time: sayLead(one, i18n.language) }) }));
  return <Select hiddenLabel label={name} value={lead ? leadId(lead) : OFF} isDisabled={isDisabled} onChange={(id) => onChange(id === OFF ? null : leadOf(id))} options={[{ id: OFF, name: t("settings.leadOff") }, ...options]} />;
}

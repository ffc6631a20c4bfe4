/** One more reminder: on which channel, how long before, with which text. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChannels } from "../api/channels";
import { leadId, leadOf, leadsWith, shortLead } from "../settings/leads";
import { Button } from "../ui/Button";
import { Select } from "../ui/fields";
import { type NewReminder, USUAL, useOwnTexts } from "./reminders";

type Props = { businessId: string; busy?: boolean; onAdd: (reminder: NewReminder) => void };

export function AddReminder({ businessId, busy, onAdd }: Props) {
  const { t, i18n } = useTranslation();
  const channels = useChannels();
  const [channel, setChannel] = useState("email");
  const [before, setBefore] = useState("1440c");
  const [template, setTemplate] = useState(USUAL);
  const texts = useOwnTexts("reminder")(channel, businessId);
  const choose = (id: string) => {
    setChannel(id);
    setTemplate(USUAL);
  };
  return (
    <div className="add-reminder" role="group" aria-label={t("reminders.add")}>
      <Select label={t("reminders.channel")} value={channel} onChange={choose} options={channels.map((id) => ({ id, name: t(`channel.${id}`) }))} />
      <Select label={t("reminders.when")} value={before} onChange={setBefore} options={leadsWith(null).map((lead) => ({ id: leadId(lead), name: shortLead(lead, i18n.language) }))} />
      {texts.length > 0 && <Select label={t("reminders.text")} value={template} onChange={setTemplate} options={[{ id: USUAL, name: t("reminders.usualText") }, ...texts]} />}
      <Button icon="plus" isPending={busy} onPress={() => onAdd({ channel: channel as NewReminder["channel"], ...leadOf(before), template_id: template === USUAL ? null : template })}>
        {t("reminders.add")}
      </Button>
    </div>
  );
}

/** Which reminders a new appointment will have: the default ones, until they are changed for it. */
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { AddReminder } from "../messages/AddReminder";
import { defaultReminders, inOrder, kindOf, type NewReminder, useOwnTexts, useReminderRules } from "../messages/reminders";
import { ICON } from "../messages/Thread";
import { shortLead } from "../settings/leads";
import { type Instant, MINUTE, now } from "../time";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Problem } from "../ui/Problem";

type Props = {
  businessId: string;
  serviceId: string | null;
  start: Instant | null;
  /** Null: the default ones. */
  value: readonly NewReminder[] | null;
  onChange: (reminders: NewReminder[]) => void;
};

export default function NewReminders({ businessId, serviceId, start, value, onChange }: Props) {
  const { t, i18n } = useTranslation();
  const rules = useReminderRules();
  const textsFor = useOwnTexts("reminder");
  const box = useRef<HTMLFieldSetElement>(null);
  if (!rules.data) return rules.error ? <Problem error={rules.error} lead={`${t("drawer.reminders")}:`} onRetry={() => void rules.refetch()} /> : null;
  const shown = value ?? defaultReminders(rules.data, serviceId, businessId);
  const without = (gone: NewReminder) => shown.filter((reminder) => kindOf(reminder) !== kindOf(gone));
  const remove = (reminder: NewReminder) => {
    onChange(without(reminder));
    // Its button goes with it.
    box.current?.querySelector<HTMLElement>("summary")?.focus();
  };
  const isLate = (reminder: NewReminder) => start !== null && start - reminder.minutes_before * MINUTE <= now();
  return (
    <fieldset className="plain" ref={box}>
      <legend>{t("drawer.reminders")}</legend>
      {shown.length === 0 && <p className="hint">{t("reminders.none")}</p>}
      {shown.map((reminder) => {
        const name = `${t(`channel.${reminder.channel}`)}, ${t("reminders.before", { time: shortLead(reminder, i18n.language) })}`;
        const text = textsFor(reminder.channel).find((item) => item.id === reminder.template_id)?.name;
        return (
          <div className="ln" key={kindOf(reminder)}>
            <Icon name={ICON[reminder.channel] ?? "bell"} />
            <div>
              {name}
              {text && (
                <small>
                  <bdi>{text}</bdi>
                </small>
              )}
              {isLate(reminder) && <small>{t("reminders.tooLate")}</small>}
            </div>
            <Button kind="quiet" icon="x" aria-label={`${t("reminders.remove")}: ${name}`} onPress={() => remove(reminder)} />
          </div>
        );
      })}
      <details>
        <summary>{t("reminders.another")}</summary>
        <AddReminder businessId={businessId} onAdd={(reminder) => onChange(inOrder([...without(reminder), reminder]))} />
      </details>
    </fieldset>
  );
}

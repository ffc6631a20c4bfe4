/** Default reminders, and what is sent to who did not come. */
import { useTranslation } from "react-i18next";
import { Page } from "../ui/Page";
import { RulePanel } from "./RulePanel";

export function RemindersPage() {
  const { t } = useTranslation();
  return (
    <Page title={t("nav.reminders")}>
      <div className="scroll pad">
        <RulePanel of="reminder-rules" firstUnit="days" />
        <h2>{t("followUps.title")}</h2>
        <RulePanel of="follow-up-rules" firstUnit="hours" />
      </div>
    </Page>
  );
}

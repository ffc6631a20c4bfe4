/** Default reminders: on which channel, how long before, for all, a business or a service. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useServices } from "../api/catalogue";
import { useChannels } from "../api/channels";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { duration } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Empty, Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";

type Rules = components["schemas"]["Page_ReminderRuleOut_"];
const UNITS = { minutes: 1, hours: 60, days: 1440 } as const;

export function RemindersPage() {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const { businesses, business } = useBusiness();
  const services = useServices().data ?? [];
  const rules = useQuery({ queryKey: ["reminder-rules"], queryFn: () => ask<Rules>("notifications", "/reminder-rules", { query: { limit: 100 } }) });
  const mayWrite = useRight("write_templates");
  const channels = useChannels();
  const [channel, setChannel] = useState("email");
  const [amount, setAmount] = useState("1");
  const [unit, setUnit] = useState<keyof typeof UNITS>("days");
  const [scope, setScope] = useState("all");
  const [error, setError] = useState<unknown>(null);
  const run = async (work: Promise<unknown>) => {
    setError(null);
    try {
      await work;
      await queries.invalidateQueries({ queryKey: ["reminder-rules"] });
    } catch (failure) {
      setError(failure);
    }
  };
  const scopeOf = (rule: Rules["items"][number]) => services.find((service) => service.id === rule.service_id)?.name ?? businesses.find((item) => item.id === rule.business_id)?.name ?? t("reminders.everywhere");
  const add = () => {
    const service = services.find((item) => item.id === scope);
    return run(
      ask("notifications", "/reminder-rules", {
        method: "POST",
        body: { channel, minutes_before: Number(amount) * UNITS[unit], enabled: true, business_id: service ? service.business_id : scope === "business" ? business?.id : null, service_id: service?.id ?? null },
      }),
    );
  };
  return (
    <Page title={t("nav.reminders")}>
      <div className="scroll pad">
        <Problem error={error} />
        {!rules.data ? <Waiting error={rules.error} /> : !rules.data.items.length ? <Empty title={t("reminders.noRules")} /> : (
          <section className="panel">
            {rules.data.items.map((rule) => (
              <div className="ln" key={rule.id}>
                <Checkbox value={rule.enabled} isDisabled={!mayWrite} onChange={(enabled) => void run(ask("notifications", `/reminder-rules/${rule.id}`, { method: "PATCH", version: rule.version, body: { enabled } }))}>
                  {t(`channel.${rule.channel}`)}, {t("reminders.before", { time: duration(rule.minutes_before, i18n.language) })}
                </Checkbox>
                <span><bdi>{scopeOf(rule)}</bdi></span>
                {mayWrite && <Button kind="quiet" icon="trash" aria-label={t("remove")} onPress={() => void run(ask("notifications", `/reminder-rules/${rule.id}`, { method: "DELETE", version: rule.version }))} />}
              </div>
            ))}
          </section>
        )}
        {mayWrite && (
          <section className="panel">
            <h2>{t("reminders.addRule")}</h2>
            <div className="three">
              <Select label={t("reminders.channel")} value={channel} onChange={setChannel} options={channels.map((id) => ({ id, name: t(`channel.${id}`) }))} />
              <TextField label={t("reminders.amount")} type="number" value={amount} onChange={setAmount} />
              <Select label={t("reminders.unit")} value={unit} onChange={(id) => setUnit(id as keyof typeof UNITS)} options={Object.keys(UNITS).map((id) => ({ id, name: t(`reminders.${id}`) }))} />
              <Select label={t("reminders.for")} value={scope} onChange={setScope} options={[{ id: "all", name: t("reminders.everywhere") }, ...(business ? [{ id: "business", name: business.name }] : []), ...services.filter((service) => service.business_id === business?.id && !service.archived).map((service) => ({ id: service.id, name: service.name }))]} />
            </div>
            <Button kind="primary" isDisabled={!(Number(amount) > 0)} onPress={() => void add()}>{t("reminders.add")}</Button>
          </section>
        )}
      </div>
    </Page>
  );
}

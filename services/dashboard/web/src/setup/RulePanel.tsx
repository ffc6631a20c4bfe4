/** Rules by which messages are sent: on which channel, how long before or after, for all, a business or a service. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useServices } from "../api/catalogue";
import { useChannels } from "../api/channels";
import { ask } from "../api/client";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { USUAL, useOwnTexts } from "../messages/reminders";
import { shortLead } from "../settings/leads";
import { duration } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Empty, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { ApplyOffer } from "./ApplyOffer";
import { addRule, type Before, changeRule, removeRule, type Rule, type Rules } from "./ruleChanges";

const UNITS = { minutes: 1, hours: 60, days: 1440 } as const;

const KINDS = {
  "reminder-rules": { template: "reminder", minutes: "minutes_before", said: "reminders.before", none: "reminders.noRules", title: "reminders.addRule", amount: "reminders.amount", add: "reminders.add", remove: "remove" },
  "follow-up-rules": { template: "follow_up", minutes: "minutes_after", said: "followUps.after", none: "followUps.none", title: "followUps.addRule", amount: "followUps.amount", add: "followUps.add", remove: "followUps.remove" },
} as const;

const timeOf = (rule: Rule, language: string) => ("minutes_before" in rule ? shortLead(rule, language) : duration(rule.minutes_after, language));

export function RulePanel({ of, firstUnit }: { of: keyof typeof KINDS; firstUnit: keyof typeof UNITS }) {
  const { t, i18n } = useTranslation();
  const kind = KINDS[of];
  const queries = useQueryClient();
  const { businesses, business } = useBusiness();
  const services = useServices().data ?? [];
  const rules = useQuery({ queryKey: [of], queryFn: () => ask<Rules>("notifications", `/${of}`, { query: { limit: 100 } }) });
  const mayWrite = useRight("write_templates");
  const channels = useChannels();
  const [channel, setChannel] = useState("email");
  const [amount, setAmount] = useState("1");
  const [unit, setUnit] = useState<keyof typeof UNITS>(firstUnit);
  const [scope, setScope] = useState("all");
  const [template, setTemplate] = useState(USUAL);
  const ownTexts = useOwnTexts(kind.template);
  const textsFor = (on: string) => [{ id: USUAL, name: t("reminders.usualText") }, ...ownTexts(on)];
  const [error, setError] = useState<unknown>(null);
  const list = useRef<HTMLElement>(null);
  const [offered, setOffered] = useState<{ id: string; wasAsked: boolean } | null>(null);
  const toOffer = rules.data?.items.find((rule): rule is Before => rule.id === offered?.id && rule.enabled && "minutes_before" in rule);
  const run = async <T,>(work: Promise<T>): Promise<T | null> => {
    setError(null);
    try {
      return await work;
    } catch (failure) {
      setError(failure);
      return null;
    }
  };
  // What stood before is asked about where a rule has just begun to hold.
  const begin = async (work: Promise<Rule>) => {
    const rule = await run(work);
    setOffered(rule?.enabled ? { id: rule.id, wasAsked: false } : null);
  };
  const close = () => {
    setOffered(null);
    list.current?.focus();
  };
  const nameOf = (rule: Rule) => `${t(`channel.${rule.channel}`)}, ${t(kind.said, { time: timeOf(rule, i18n.language) })}`;
  const scopeOf = (rule: Rule) => services.find((service) => service.id === rule.service_id)?.name ?? businesses.find((item) => item.id === rule.business_id)?.name ?? t("reminders.everywhere");
  const add = () => {
    const service = services.find((item) => item.id === scope);
    // A day before is at the same time of day, 24 hours are time that passes.
    const counted = of === "reminder-rules" ? { by_clock: unit === "days" } : {};
    return begin(
      addRule(queries, of, { channel, [kind.minutes]: Number(amount) * UNITS[unit], ...counted, enabled: true, business_id: scope === "business" ? business?.id : null, service_id: service?.id ?? null, template_id: template === USUAL ? null : template }),
    );
  };
  return (
    <>
      <Problem error={error} />
      {!rules.data ? <Waiting error={rules.error} /> : !rules.data.items.length ? <Empty title={t(kind.none)} /> : (
        <section className="panel" ref={list} tabIndex={-1}>
          {rules.data.items.map((rule) => (
            <div className="ln rule" key={rule.id}>
              <Checkbox value={rule.enabled} isDisabled={!mayWrite} onChange={(enabled) => void begin(changeRule(queries, of, rule.id, { enabled }))}>
                {nameOf(rule)}
              </Checkbox>
              <span><bdi>{scopeOf(rule)}</bdi></span>
              {(textsFor(rule.channel).length > 1 || rule.template_id) && (
                <Select
                  label={t("reminders.textOf", { rule: t(kind.said, { time: timeOf(rule, i18n.language) }) })}
                  hiddenLabel
                  isDisabled={!mayWrite}
                  value={rule.template_id ?? USUAL}
                  onChange={(id) => void run(changeRule(queries, of, rule.id, { template_id: id === USUAL ? null : id }))}
                  options={textsFor(rule.channel)}
                />
              )}
              {mayWrite && rule.enabled && of === "reminder-rules" && <Button kind="quiet" aria-label={t("applyRule.title", { rule: nameOf(rule) })} onPress={() => setOffered({ id: rule.id, wasAsked: true })}>{t("applyRule.existing")}</Button>}
              {mayWrite && <Button kind="quiet" icon="trash" aria-label={t(kind.remove)} onPress={() => run(removeRule(queries, of, rule.id))} />}
            </div>
          ))}
        </section>
      )}
      {mayWrite && toOffer && offered && <ApplyOffer key={`${toOffer.id} ${toOffer.version}`} rule={toOffer} name={nameOf(toOffer)} wasAsked={offered.wasAsked} onClose={close} />}
      {mayWrite && (
        <section className="panel">
          <h2>{t(kind.title)}</h2>
          <div className="three">
            <Select label={t("reminders.channel")} value={channel} onChange={(id) => { setChannel(id); setTemplate(USUAL); }} options={channels.map((id) => ({ id, name: t(`channel.${id}`) }))} />
            <TextField label={t(kind.amount)} type="number" value={amount} onChange={setAmount} />
            <Select label={t("reminders.unit")} value={unit} onChange={(id) => setUnit(id as keyof typeof UNITS)} options={Object.keys(UNITS).map((id) => ({ id, name: t(`reminders.${id}`) }))} />
            <Select label={t("reminders.for")} value={scope} onChange={setScope} options={[{ id: "all", name: t("reminders.everywhere") }, ...(business ? [{ id: "business", name: business.name }] : []), ...services.filter((service) => service.business_id === business?.id && !service.archived).map((service) => ({ id: service.id, name: service.name }))]} />
            {textsFor(channel).length > 1 && <Select label={t("reminders.text")} value={template} onChange={setTemplate} options={textsFor(channel)} />}
          </div>
          <Button kind="primary" isDisabled={!(Number(amount) > 0)} onPress={() => add()}>{t(kind.add)}</Button>
        </section>
      )}
    </>
  );
}

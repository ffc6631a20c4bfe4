/** Offers to give a default reminder to appointments that stand already, and tells how far that is. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ask, ProblemError } from "../api/client";
import type { components } from "../api/schema/notifications";
import { Button } from "../ui/Button";
import { Problem } from "../ui/Problem";

type Schemas = components["schemas"];
type Application = Schemas["RuleApplicationOut"];
type Props = { rule: Schemas["ReminderRuleOut"]; name: string; wasAsked: boolean; onClose: () => void };

const LOOK_AGAIN = 1_000;
/** Why a reminder is not to be sent. */
const REASONS = ["too_late", "no_address", "landline", "appointment_pending", "notify_off"] as const;

/** `wasAsked`: somebody has opened it, so that nothing to do is said as well. */
export function ApplyOffer({ rule, name, wasAsked, onClose }: Props) {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  const queries = useQueryClient();
  const box = useRef<HTMLElement>(null);
  const path = `/reminder-rules/${rule.id}/application`;
  const [began, setBegan] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const preview = useQuery({ queryKey: ["rule-preview", rule.id, rule.version], queryFn: () => ask<Schemas["RulePreviewOut"]>("notifications", `${path}/preview`), staleTime: 0, gcTime: 0 });
  const progress = useQuery({
    queryKey: ["rule-application", rule.id],
    queryFn: () => ask<Application>("notifications", path).catch(notYet),
    staleTime: 0,
    gcTime: 0,
    refetchInterval: (query) => (query.state.data?.status === "running" ? LOOK_AGAIN : false),
  });
  const apply = async () => {
    setError(null);
    try {
      const application = await ask<Application>("notifications", path, { method: "POST", version: rule.version });
      // A look that was begun before it would say what was.
      await queries.cancelQueries({ queryKey: ["rule-application", rule.id] });
      queries.setQueryData(["rule-application", rule.id], application);
      setBegan(true);
      box.current?.focus();
    } catch (failure) {
      setError(failure);
    }
  };
  const application = progress.data;
  const shown = preview.data;
  const isTold = application && (began || application.status === "running");
  if (!isTold && !error && !preview.error && (!shown || (!shown.appointments && !wasAsked))) return null;
  return (
    <section className="panel" ref={box} tabIndex={-1} aria-label={t("applyRule.title", { rule: name })}>
      <Problem error={error ?? (isTold ? null : preview.error)} />
      {isTold ? (
        <>
          {application.status === "running" && <progress max={Math.max(1, application.total)} value={Math.min(application.reached, application.total)} aria-label={t("applyRule.title", { rule: name })} />}
          <p role="status">{application.status === "running" ? t("bulk.working", { done: number.format(Math.min(application.reached, application.total)), all: number.format(application.total) }) : t("applyRule.planned", { number: number.format(application.outcomes.planned) })}</p>
          {application.status === "stopped" && <p className="amber">{t("applyRule.stopped")}</p>}
          {application.status !== "running" && <NotSent outcomes={application.outcomes} />}
          <Button onPress={onClose}>{t("close")}</Button>
        </>
      ) : shown && (
        <>
          <p role="status">{shown.appointments ? t("applyRule.offer", { count: shown.appointments }) : t("applyRule.nothing")}</p>
          {shown.looked_at < shown.appointments && <p className="soft">{t("applyRule.lookedAt", { number: number.format(shown.looked_at) })}</p>}
          <NotSent outcomes={shown.outcomes} edited={shown.edited} />
          <div className="row">
            {shown.appointments > 0 && <Button kind="primary" onPress={apply}>{t("applyRule.apply")}</Button>}
            <Button onPress={onClose}>{t(shown.appointments ? "applyRule.notNow" : "close")}</Button>
          </div>
        </>
      )}
    </section>
  );
}

function notYet(failure: unknown): null {
  if (failure instanceof ProblemError && failure.problem.code === "rule_not_applied") return null;
  throw failure;
}

/** Those that get no message by it, by the reason. */
function NotSent({ outcomes, edited = 0 }: { outcomes: Schemas["RuleOutcomesOut"]; edited?: number }) {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  const lines = [...REASONS.map((reason) => [reason, outcomes[reason]] as const), ["edited", edited] as const].filter(([, count]) => count > 0);
  if (!lines.length) return null;
  return (
    <ul className="soft">
      {lines.map(([reason, count]) => <li key={reason}>{t(`applyRule.${reason}`, { number: number.format(count) })}</li>)}
    </ul>
  );
}

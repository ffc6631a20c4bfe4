/** What was done with many and what was not, by reason, each named. */
import { Suspense, lazy } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { audienceOf, type Verb } from "../messages/send";
import { Button } from "../ui/Button";
import { Problem, sayReason } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import type { Outcome, Result } from "./bulk";

const OrderProgress = lazy(() => import("../messages/OrderProgress"));

type Props = Outcome & { verb: Verb; of: number; orderId?: string; rows: readonly Appointment[]; onClose: () => void; onRetry: () => void };

const nameOfVerb = (verb: Verb): string => {
  const audience = audienceOf(verb);
  return audience ? `message_${audience}` : verb;
};

export default function BulkResults({ verb, done, failed, left, error, of, orderId, rows, onClose, onRetry }: Props) {
  const { t } = useTranslation();
  const byReason = new Map<string, Result[]>();
  for (const result of failed) {
    const code = result.problem?.code ?? "unexpected_answer";
    byReason.set(code, [...(byReason.get(code) ?? []), result]);
  }
  const nameOf = (id: string) => rows.find((row) => row.id === id)?.client.name ?? id;
  return (
    <Sheet
      title={t("bulk.result", { done, all: of, verb: t(`bulk.${nameOfVerb(verb)}`) })}
      onClose={onClose}
      footer={
        <>
          {failed.length + left.length > 0 && !audienceOf(verb) && <Button onPress={onRetry}>{t("bulk.retry")}</Button>}
          <Button kind="primary" onPress={onClose}>
            {t("close")}
          </Button>
        </>
      }
    >
      <Problem error={error} />
      {left.length > 0 && <p>{t("bulk.left", { count: left.length })}</p>}
      {failed.length === 0 && done >= of && !orderId && <p>{t("bulk.allDone")}</p>}
      {orderId && (
        <Suspense>
          <OrderProgress orderId={orderId} />
        </Suspense>
      )}
      {[...byReason].map(([code, results]) => (
        <details key={code} open>
          <summary>
            {results[0]?.problem ? sayReason(t, { code, detail: results[0].problem.detail }) : code} ({results.length})
          </summary>
          <ul>
            {results.map((result) => (
              <li key={result.id}>
                <bdi>{nameOf(result.id)}</bdi>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </Sheet>
  );
}

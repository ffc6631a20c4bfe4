/** What was done with many and what was not, by reason, each named. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment, Page } from "../api/appointments";
import { ask } from "../api/client";
import { useBusiness } from "../business";
import { saveCsv } from "../csv";
import { audienceOf, type Verb } from "../messages/send";
import { Clock, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Problem, sayReason } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import type { Outcome, Result } from "./bulk";

const OrderProgress = lazy(() => import("../messages/OrderProgress"));

type Props = Outcome & { verb: Verb; of: number; orderId?: string; rows: readonly Appointment[]; onClose: () => void; onRetry: () => void };

export default function BulkResults({ verb, done, failed, left, error, of, orderId, rows, onClose, onRetry }: Props) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const named = useNamed([...failed.map((result) => result.id), ...left], rows);
  const why = ({ problem }: Result) => (problem ? sayReason(t, problem) : t("error.unexpected"));
  const byReason = new Map<string, Result[]>();
  for (const result of failed) {
    const code = result.problem?.code ?? "";
    byReason.set(code, [...(byReason.get(code) ?? []), result]);
  }
  const download = () => {
    const line = (id: string, reason: string) => {
      const appointment = named.get(id);
      return [appointment?.client.name ?? "", appointment ? new Clock(clock.locale, appointment.zone).dayAndTime(instantOf(appointment.starts_at)) : "", reason, id];
    };
    const head = [t("field.client"), t("field.time"), t("bulk.why"), "id"];
    saveCsv("slotstream.csv", [head, ...failed.map((result) => line(result.id, why(result))), ...left.map((id) => line(id, t("bulk.notReached")))]);
  };
  return (
    <Sheet
      title={t("bulk.result", { done, all: of, verb: t(`bulk.${nameOfVerb(verb)}`) })}
      onClose={onClose}
      footer={
        <>
          {failed.length + left.length > 0 && (
            <Button icon="down2" onPress={download}>
              {t("bulk.download")}
            </Button>
          )}
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
            {results[0] && why(results[0])} ({results.length})
          </summary>
          <ul>
            {results.map(({ id }) => (
              <li key={id}>
                <Link to="/appointments/$id" params={{ id }}>
                  <bdi>{named.get(id)?.client.name ?? "…"}</bdi>
                </Link>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </Sheet>
  );
}

const nameOfVerb = (verb: Verb): string => {
  const audience = audienceOf(verb);
  return audience ? `message_${audience}` : verb;
};

/** As many as booking lets one question name. */
const MOST = 100;

/** Whose they are: those that no list here holds are asked for. */
function useNamed(ids: readonly string[], rows: readonly Appointment[]): ReadonlyMap<string, Appointment> {
  const known = new Map(rows.map((row) => [row.id, row]));
  const missing = ids.filter((id) => !known.has(id));
  const { data } = useQuery({
    queryKey: ["appointments", "named", missing],
    enabled: missing.length > 0,
    queryFn: async ({ signal }) => {
      const found: Appointment[] = [];
      for (let at = 0; at < missing.length; at += MOST) found.push(...(await ask<Page>("booking", "/appointments", { query: { id: missing.slice(at, at + MOST), limit: MOST }, signal })).items);
      return found;
    },
  });
  for (const appointment of data ?? []) known.set(appointment.id, appointment);
  return known;
}

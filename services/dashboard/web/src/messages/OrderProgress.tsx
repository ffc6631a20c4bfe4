/** How many of a long order have gone and how many are still to go, and a button that stops these. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask, ProblemError } from "../api/client";
import { useRight } from "../api/session";
import { Button } from "../ui/Button";
import { Problem } from "../ui/Problem";
import { type Counts, isOver, type Job, tallyOf } from "./order";

const LOOK_AGAIN = 2_000;

export default function OrderProgress({ orderId }: { orderId: string }) {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  const queries = useQueryClient();
  const mayStop = useRight("send_messages");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const key = ["message-order", orderId];
  const { data, error: unread } = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const [job, counts] = await Promise.all([
        ask<Job>("booking", `/bulk/${orderId}`, { signal }).catch(forgotten),
        ask<Counts>("notifications", "/messages/counts", { query: { order_id: orderId }, signal }),
      ]);
      return { job, counts };
    },
    staleTime: 0,
    gcTime: 0,
    refetchInterval: ({ state }) => (state.data && isOver(state.data.job, state.data.counts) ? false : LOOK_AGAIN),
  });
  const stop = async () => {
    setError(null);
    setBusy(true);
    try {
      await ask<Job>("booking", `/bulk/${orderId}/cancel`, { method: "POST" });
      await queries.invalidateQueries({ queryKey: key });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  if (!data) return <Problem error={unread} />;
  const tally = tallyOf(data.job, data.counts);
  const isStopped = data.job?.status === "cancelled";
  return (
    <section className="panel order" aria-label={t("order.title")}>
      <Problem error={error ?? unread} />
      <progress max={Math.max(1, tally.sent + tally.left + tally.notSent)} value={tally.sent + tally.notSent} aria-label={t("order.title")} />
      <p>{t("order.progress", { sent: number.format(tally.sent), left: number.format(tally.left) })}</p>
      {tally.notSent > 0 && <p className="soft">{t("order.notSent", { number: number.format(tally.notSent) })}</p>}
      <p role="status">{isStopped && t("order.stopped")}</p>
      {mayStop && data.job && !isStopped && tally.left > 0 && (
        <Button isDisabled={busy} onPress={() => void stop()}>
          {t("order.stop", { number: number.format(tally.left) })}
        </Button>
      )}
    </section>
  );
}

/** Orders are kept for a month, their messages for longer; and somebody else's is not shown to whoever is limited. */
function forgotten(failure: unknown): null {
  if (failure instanceof ProblemError && failure.problem.status === 404) return null;
  throw failure;
}

/** What is done with many at once. "All that match" are the ids that matched when the number was shown. */
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment, Page } from "../api/appointments";
import { ask, type Query } from "../api/client";
import type { components } from "../api/schema/booking";
import { readOwn } from "../api/follow";
import { useRight } from "../api/session";
import { Button } from "../ui/Button";
import { BulkMessageSheet } from "../messages/BulkMessageSheet";
import { useWritable } from "../messages/MessageFields";
import { type Audience, audienceOf, OneKey, type Verb, writeToMany } from "../messages/send";
import { Icon, type IconName } from "../ui/Icon";
import { Problem, sayReason } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { ExportSheet } from "./ExportSheet";
import { NONE, type Selection } from "./selection";
import { CancelSheet } from "./sheets";

type Schemas = components["schemas"];
type Result = Schemas["BulkResultOut"];

type Props = { selection: Selection; rows: readonly Appointment[]; query: Query; total: number | undefined; onChange: (selection: Selection) => void };

const OrderProgress = lazy(() => import("../messages/OrderProgress"));

const AT_ONCE = 100;
type Choice = Verb | `message_${Audience}`;
const BUTTONS: readonly { verb: Choice; icon: IconName; right: string }[] = [
  { verb: "complete", icon: "check2", right: "write_appointments" },
  { verb: "confirm", icon: "check", right: "book" },
  { verb: "message_client", icon: "msg", right: "send_messages" },
  { verb: "message_staff", icon: "pers", right: "send_messages" },
  { verb: "dismiss", icon: "ban", right: "write_appointments" },
  { verb: "archive", icon: "arch", right: "write_appointments" },
  { verb: "cancel", icon: "x", right: "book" },
];

export function BulkBar({ selection, rows, query, total, onChange }: Props) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const [asking, setAsking] = useState<Choice | "export" | null>(null);
  const [results, setResults] = useState<{ verb: Verb; done: number; failed: Result[]; of: number; orderId?: string } | null>(null);
  const [orderId, setOrderId] = useState<string | null>(null);
  const [busy, setBusy] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const keys = useRef(new OneKey());
  const canWrite = Boolean(useWritable()?.length);
  const rights = { book: useRight("book"), write_appointments: useRight("write_appointments"), send_messages: useRight("send_messages") && canWrite };
  const number = new Intl.NumberFormat(i18n.language);
  const count = selection.ids.size;
  const shown = rows.find((row) => selection.ids.has(row.id));
  const sample = { id: shown?.id ?? [...selection.ids][0] ?? "", name: shown?.client.name };

  const selectAll = async () => {
    const ids = new Set<string>();
    let cursor: string | undefined;
    do {
      const page: Page = await ask<Page>("booking", "/appointments", { query: { ...query, limit: 100, cursor } });
      for (const appointment of page.items) ids.add(appointment.id);
      cursor = page.next_cursor ?? undefined;
    } while (cursor);
    onChange({ ids, all: ids.size });
  };

  const run = async (verb: Verb, given: Partial<Schemas["BulkArgumentsIn"]> = {}, ids: readonly string[] = [...selection.ids]) => {
    setError(null);
    setBusy(0);
    const failed: Result[] = [];
    let done = 0;
    try {
      for (let from = 0; from < ids.length; from += AT_ONCE) {
        const answer = await ask<Schemas["BulkOut"]>("booking", "/appointments/bulk", { method: "POST", body: { verb, ids: ids.slice(from, from + AT_ONCE), arguments: given } });
        done += answer.results.filter((result) => result.ok).length;
        failed.push(...answer.results.filter((result) => !result.ok));
        setBusy(from + AT_ONCE);
      }
      setAsking(null);
      setResults({ verb, done, failed, of: ids.length });
    } catch (failure) {
      setError(failure);
      throw failure;
    } finally {
      setBusy(null);
      void readOwn(client, ids);
    }
  };

  const write = async (verb: Verb, text: string) => {
    const ids = [...selection.ids];
    setError(null);
    setOrderId(null);
    setBusy(0);
    try {
      const outcome = await writeToMany(verb, ids, text, keys.current.of(JSON.stringify([verb, text, ids])), setBusy, setOrderId);
      keys.current.forget();
      setAsking(null);
      setResults({ verb, ...outcome, of: ids.length });
    } finally {
      setBusy(null);
      void client.invalidateQueries({ queryKey: ["messages"] });
    }
  };

  return (
    <>
      <div className="bulk" role="toolbar" aria-label={t("bulk.title")}>
        <span role="status">
          <bdi>{busy === null ? t("bulk.selected", { count }) : t("bulk.working", { done: number.format(Math.min(busy, count)), all: number.format(count) })}</bdi>
        </span>
        {selection.all === null && total !== undefined && total > count && (
          <button type="button" className="link" onClick={() => void selectAll()}>
            {t("bulk.all", { count: total })}
          </button>
        )}
        {BUTTONS.filter((button) => rights[button.right as keyof typeof rights]).map(({ verb, icon }) => (
          <button type="button" key={verb} className={verb === "cancel" ? "no" : ""} disabled={busy !== null || count === 0} onClick={() => (verb === "cancel" || isAMessage(verb) ? setAsking(verb) : void run(verb).catch(() => undefined))}>
            <Icon name={icon} />
            {t(`bulk.${verb}`)}
          </button>
        ))}
        <button type="button" disabled={count === 0} onClick={() => setAsking("export")}>
          <Icon name="down2" />
          {t("export.short")}
        </button>
        <button type="button" className="end" onClick={() => onChange(NONE)} aria-label={t("bulk.clear")}>
          <kbd className="hide-s">Esc</kbd>
          <i className="only-s">
            <Icon name="x" />
          </i>
        </button>
      </div>
      {error !== null && asking === null && <Problem error={error} />}
      {asking === "cancel" && <CancelSheet count={count} name={sample.name} notify onClose={() => setAsking(null)} onDone={(reason, notify) => run("cancel", { reason, tell_client: notify })} />}
      {asking && asking !== "export" && isAMessage(asking) && <BulkMessageSheet count={count} sample={sample} audience={asking === "message_staff" ? "staff" : "client"} orderId={orderId} onClose={() => setAsking(null)} onDone={write} />}
      {asking === "export" && <ExportSheet query={query} ids={[...selection.ids]} total={count} onClose={() => setAsking(null)} />}
      {results && (
        <Results
          {...results}
          rows={rows}
          onClose={() => {
            setResults(null);
            onChange(NONE);
          }}
          onRetry={() => {
            const again = results.failed.map((result) => result.id);
            setResults(null);
            void run(results.verb, {}, again).catch(() => undefined);
          }}
        />
      )}
    </>
  );
}

const isAMessage = (verb: Choice): verb is `message_${Audience}` => verb.startsWith("message_");

type ResultsProps = { verb: Verb; done: number; failed: readonly Result[]; of: number; orderId?: string; rows: readonly Appointment[]; onClose: () => void; onRetry: () => void };

const nameOfVerb = (verb: Verb): string => {
  const audience = audienceOf(verb);
  return audience ? `message_${audience}` : verb;
};

/** What was done and what was not, by reason, each named. */
function Results({ verb, done, failed, of, orderId, rows, onClose, onRetry }: ResultsProps) {
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
          {failed.length > 0 && verb !== "cancel" && !audienceOf(verb) && <Button onPress={onRetry}>{t("bulk.retry")}</Button>}
          <Button kind="primary" onPress={onClose}>
            {t("close")}
          </Button>
        </>
      }
    >
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

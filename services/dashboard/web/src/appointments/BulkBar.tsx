/** What is done with many at once. "All that match" are the ids that matched when the number was shown. */
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import type { Query } from "../api/client";
import { readOwn } from "../api/follow";
import { useRight } from "../api/session";
import { useWritable } from "../messages/MessageFields";
import { type Audience, OneKey, type Verb, writeToMany } from "../messages/send";
import { Icon, type IconName } from "../ui/Icon";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { type Given, type Outcome, doWithMany, idsThatMatch } from "./bulk";
import { NONE, type Selection, areAllErased } from "./selection";
import { CancelSheet } from "./sheets";

type Props = { selection: Selection; rows: readonly Appointment[]; query: Query; total: number | undefined; onChange: (selection: Selection) => void };

/* Of files of their own: they come with a press. */
const BulkMessageSheet = lazy(() => import("../messages/BulkMessageSheet").then(({ BulkMessageSheet }) => ({ default: BulkMessageSheet })));
const BulkResults = lazy(() => import("./BulkResults"));
const ExportSheet = lazy(() => import("./ExportSheet").then(({ ExportSheet }) => ({ default: ExportSheet })));

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
  const [results, setResults] = useState<(Outcome & { verb: Verb; given: Given; of: number; orderId?: string }) | null>(null);
  const [orderId, setOrderId] = useState<string | null>(null);
  /** How far it is, and of how many. */
  const [busy, setBusy] = useState<{ done: number; of: number } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const keys = useRef(new OneKey());
  const canWrite = Boolean(useWritable()?.length);
  const rights = { book: useRight("book"), write_appointments: useRight("write_appointments"), send_messages: useRight("send_messages") && canWrite };
  const number = new Intl.NumberFormat(i18n.language);
  const count = selection.ids.size;
  const shown = rows.find((row) => selection.ids.has(row.id));
  const sample = { id: shown?.id ?? [...selection.ids][0] ?? "", name: shown?.client.name };

  const gone = useRef(new AbortController());
  // Of other filters, others match.
  const filters = JSON.stringify(query);
  useEffect(() => () => {
    gone.current.abort();
    gone.current = new AbortController();
  }, [filters]);

  const selectAll = async (of: number) => {
    const { signal } = gone.current;
    setError(null);
    setBusy({ done: 0, of });
    try {
      const ids = await idsThatMatch(query, (done) => setBusy({ done, of }), signal);
      if (!signal.aborted) onChange({ ids, all: ids.size });
    } catch (failure) {
      if (!signal.aborted) setError(failure);
    } finally {
      setBusy(null);
    }
  };

  /** What could not even begin is thrown; of what was begun the results tell. */
  const run = async (verb: Verb, given: Given = {}, ids: readonly string[] = [...selection.ids]) => {
    const { signal } = gone.current;
    setError(null);
    setBusy({ done: 0, of: ids.length });
    try {
      const outcome = await doWithMany(verb, ids, given, (done) => setBusy({ done, of: ids.length }));
      if (outcome.left.length === ids.length) throw outcome.error;
      // Whoever has let the selection go meanwhile is told as well.
      if (signal.aborted) toast(t("bulk.result", { done: outcome.done, all: ids.length, verb: t(`bulk.${verb}`) }), { danger: outcome.done < ids.length });
      setAsking(null);
      setResults({ verb, given, ...outcome, of: ids.length });
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
    setBusy({ done: 0, of: ids.length });
    try {
      const outcome = await writeToMany(verb, ids, text, keys.current.of(JSON.stringify([verb, text, ids])), (done) => setBusy({ done, of: ids.length }), setOrderId);
      keys.current.forget();
      setAsking(null);
      setResults({ verb, given: {}, left: [], error: null, ...outcome, of: ids.length });
    } finally {
      setBusy(null);
      void client.invalidateQueries({ queryKey: ["messages"] });
    }
  };

  return (
    <>
      <div className="bulk" role="toolbar" aria-label={t("bulk.title")}>
        <span role="status">
          <bdi>{busy === null ? t("bulk.selected", { count }) : t("bulk.working", { done: number.format(Math.min(busy.done, busy.of)), all: number.format(busy.of) })}</bdi>
        </span>
        {selection.all === null && total !== undefined && total > count && (
          <button type="button" className="link" disabled={busy !== null} onClick={() => void selectAll(total)}>
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
      {asking === "cancel" && <CancelSheet count={count} name={sample.name} notify erased={areAllErased(selection, rows)} onClose={() => setAsking(null)} onDone={(reason, notify) => run("cancel", { ...(reason ? { reason } : {}), tell_client: notify })} />}
      <Suspense fallback={null}>
        {asking && asking !== "export" && isAMessage(asking) && <BulkMessageSheet count={count} sample={sample} audience={asking === "message_staff" ? "staff" : "client"} orderId={orderId} onClose={() => setAsking(null)} onDone={write} />}
        {asking === "export" && <ExportSheet query={query} ids={[...selection.ids]} total={count} onClose={() => setAsking(null)} />}
        {results && (
          <BulkResults
            {...results}
            rows={rows}
            onClose={() => {
              setResults(null);
              onChange(NONE);
            }}
            onRetry={() => {
              setResults(null);
              void run(results.verb, results.given, [...results.left, ...results.failed.map((result) => result.id)]).catch(() => undefined);
            }}
          />
        )}
      </Suspense>
    </>
  );
}

const isAMessage = (verb: Choice): verb is `message_${Audience}` => verb.startsWith("message_");

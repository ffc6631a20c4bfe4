/** One import, step by step: columns, review, confirm, progress, done. It goes on when nobody looks. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { addressOf, ask } from "../api/client";
import { useServices } from "../api/catalogue";
import type { components } from "../api/schema/imports";
import { useRight } from "../api/session";
import { ReasonSheet } from "../appointments/sheets";
import { useBusiness } from "../business";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Page, Waiting } from "../ui/Page";
import { Problem, sayReason } from "../ui/Problem";
import { choose, type Chosen, columnsOf, NOT } from "./columns";
import type { Import } from "./ImportsPage";
import { type Row, RowLine } from "./RowLine";

type Schemas = components["schemas"];
type Preview = Schemas["PreviewOut"];

const FIELDS = ["client_name", "first_name", "last_name", "phone", "email", "service", "staff", "starts_at", "date", "time", "ends_at", "end_date", "zone", "duration", "status", "location", "notes", "external_id"] as const;
const FINAL = ["scheduled", "completed", "cancelled", "no_show"] as const;
const WORKING = new Set(["reading", "checking", "booking", "undoing"]);

export function ImportPage() {
  const { t, i18n } = useTranslation();
  const { id } = useParams({ from: "/imports/$id" });
  const queries = useQueryClient();
  const mayWrite = useRight("write_imports");
  const found = useQuery({
    queryKey: ["imports", id],
    queryFn: () => ask<Import>("imports", `/imports/${id}`),
    refetchInterval: (query) => (query.state.data && WORKING.has(query.state.data.state) ? 1_000 : false),
  });
  const [error, setError] = useState<unknown>(null);
  const [remap, setRemap] = useState(false);
  const [undoing, setUndoing] = useState(false);
  const item = found.data;
  useEffect(() => {
    if (item && !WORKING.has(item.state)) void queries.invalidateQueries({ queryKey: ["import-rows", id] });
  }, [item, id, queries]);
  if (!item) return <Waiting error={found.error} />;
  const change = async (path: string, request: Parameters<typeof ask>[2]): Promise<void> => {
    try {
      await ask("imports", `/imports/${id}${path}`, request);
      setRemap(false);
    } finally {
      await queries.invalidateQueries({ queryKey: ["imports"] });
    }
  };
  const run = (path: string, request: Parameters<typeof ask>[2]): Promise<void> => {
    setError(null);
    return change(path, request).catch(setError);
  };
  const counts = item.counts;
  const number = new Intl.NumberFormat(i18n.language);
  const done = counts ? counts.booked + counts.failed + counts.already_done + counts.undone : 0;
  return (
    <Page
      title={item.file_name}
      actions={
        <>
          <span className="fill" />
          <b>{t(`imports.state.${item.state}`)}</b>
        </>
      }
    >
      <div className="scroll pad">
        <Problem error={error} />
        {item.failure && <p className="amber">{t(`code.${item.failure}`, { defaultValue: item.failure })}</p>}
        {item.warnings.map((warning) => <p className="amber" key={warning.code + warning.detail}>{sayReason(t, warning)}</p>)}
        {WORKING.has(item.state) && counts && (
          <section className="panel" role="status">
            <progress max={Math.max(1, item.state === "checking" ? counts.rows : counts.chosen)} value={item.state === "checking" ? counts.rows - counts.unchecked : done} aria-label={t(`imports.state.${item.state}`)} />
            <p>{t("imports.progress", { done: number.format(item.state === "checking" ? counts.rows - counts.unchecked : done), all: number.format(item.state === "checking" ? counts.rows : counts.chosen) })}</p>
            {mayWrite && <Button onPress={() => run("/cancel", { method: "POST", version: item.version })}>{t("imports.cancel")}</Button>}
          </section>
        )}
        {item.state === "uploaded" && !mayWrite && <p className="soft">{t("imports.managersOnly")}</p>}
        {mayWrite && (item.state === "uploaded" || remap) && <Mapping item={item} onSave={(mapping) => run("/mapping", { method: "PUT", version: item.version, body: mapping })} />}
        {mayWrite && item.state === "stalled" && <Button kind="primary" onPress={() => run("/retry", { method: "POST", version: item.version })}>{t("imports.retry")}</Button>}
        {item.state === "finished" && counts && (
          <section className="panel">
            <p className="lead">{t("imports.done", { booked: number.format(counts.booked), failed: number.format(counts.failed), already: number.format(counts.already_done) })}</p>
            <div className="row">
              {counts.failed > 0 && <a className="btn" href={addressOf("imports", `/imports/${id}/errors.csv`)} download>{t("imports.errors")}</a>}
              {mayWrite && <Button kind="danger" onPress={() => setUndoing(true)}>{t("imports.undo")}</Button>}
            </div>
          </section>
        )}
        {!["uploaded", "reading"].includes(item.state) && !remap && <Review item={item} onRemap={() => setRemap(true)} onConfirm={mayWrite && item.state === "checked" ? (body) => change("/confirm", { method: "POST", version: item.version, body }) : undefined} />}
      </div>
      {undoing && (
        <ReasonSheet
          title={t("imports.undo")}
          action={t("imports.undo")}
          onClose={() => setUndoing(false)}
          onDone={async (reason) => {
            await change("/undo", { method: "POST", version: item.version, body: { reason } });
            setUndoing(false);
          }}
        />
      )}
    </Page>
  );
}

/** Their columns to our fields, guessed and corrected; what a date or a word means is asked where the file does not tell. */
function Mapping({ item, onSave }: { item: Import; onSave: (mapping: Schemas["MappingIn"]) => Promise<void> }) {
  const { t } = useTranslation();
  const { business } = useBusiness();
  const services = (useServices().data ?? []).filter((service) => service.business_id === item.business_id && !service.archived);
  const [reading, setReading] = useState<Record<string, string>>({});
  const preview = useQuery({
    queryKey: ["import-preview", item.id, reading],
    queryFn: () => ask<Preview>("imports", `/imports/${item.id}/preview`, { query: { reading: Object.entries(reading).map(([name, value]) => `${name}=${value}`) } }),
    placeholderData: (previous) => previous,
  });
  // What was chosen; the rest is as it was guessed, anew when the file is read in another way.
  const [chosen, setChosen] = useState<Chosen>({});
  const [chosenOrder, setOrder] = useState<string | null>(null);
  const [chosenService, setService] = useState<string | null>(null);
  const [typedMinutes, setMinutes] = useState<string | null>(null);
  const [typedZone, setZone] = useState<string | null>(null);
  const [chosenStatuses, setStatuses] = useState<Record<string, string>>({});
  const data = preview.data;
  if (!data) return <Waiting error={preview.error} />;
  // It is by field; the table is by column of the file.
  const columns = columnsOf(data.columns as Record<string, string>, chosen, data.headers);
  const order = chosenOrder ?? data.date_order;
  const service = chosenService ?? data.service_id;
  const minutes = typedMinutes ?? (data.duration_minutes ? String(data.duration_minutes) : "");
  const zone = typedZone ?? data.zone ?? business?.zone ?? "";
  const statuses: Record<string, string> = { ...data.statuses, ...chosenStatuses };
  const fieldOf = (header: string) => Object.entries(columns).find(([, name]) => name === header)?.[0] ?? NOT;
  // Columns whose dates allow several readings; where another column shows the order, that one counts for all.
  const unclear = Object.entries(data.date_orders).filter(([, possible]) => possible.length > 1).map(([name]) => name);
  const orders = [...new Set(Object.values(data.date_orders).flat())];
  return (
    <section className="panel">
      <h2>{t("imports.columns")}</h2>
      <Problem error={preview.error} />
      {data.remembered && <p className="soft">{t("imports.remembered")}</p>}
      {data.warnings.map((warning) => <p className="amber" key={warning.code + warning.detail}>{sayReason(t, warning)}</p>)}
      <div className="row">
        {data.reading.map((option) => <Select key={option.name} label={t(`imports.reading.${option.name}`, { defaultValue: option.name })} value={reading[option.name] ?? option.value} onChange={(value) => setReading((known) => ({ ...known, [option.name]: value }))} options={option.choices.map((choice) => ({ id: choice, name: choice }))} />)}
      </div>
      <table className="plain-table">
        <thead>
          <tr><th>{t("imports.theirs")}</th><th>{t("imports.sample")}</th><th>{t("imports.ours")}</th></tr>
        </thead>
        <tbody>
          {data.headers.map((header, index) => (
            <tr key={header}>
              <td><b><bdi>{header}</bdi></b>{data.unmapped[header] !== undefined && fieldOf(header) === NOT && <small className="amber">{t("imports.unmapped", { count: data.unmapped[header] })}</small>}</td>
              <td className="soft">{data.rows.slice(0, 3).map((row) => <bdi key={row.number} className="sample">{row.cells[index]}</bdi>)}</td>
              <td><Select hiddenLabel label={t("imports.fieldFor", { column: header })} value={fieldOf(header)} onChange={(field) => setChosen((known) => choose(known, header, field))} options={[{ id: NOT, name: t("imports.notUsed") }, ...FIELDS.map((field) => ({ id: field, name: t(`imports.field.${field}`) }))]} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {unclear.length > 0 && <p className="amber" role="status">{order ? t("imports.unclearTaken", { columns: unclear.join(", "), order: t(`imports.order.${order}`) }) : t("imports.unclear", { columns: unclear.join(", ") })}</p>}
      <div className="three">
        {orders.length > 1 && <Select label={t("imports.dateOrder")} value={order} onChange={setOrder} options={orders.map((id) => ({ id, name: t(`imports.order.${id}`) }))} />}
        <TextField label={t("imports.zone")} value={zone} onChange={setZone} />
        {!columns.service && <Select label={t("imports.service")} value={service} onChange={setService} options={services} />}
        {!columns.duration && !columns.ends_at && <TextField label={t("field.minutes")} type="number" value={minutes} onChange={setMinutes} />}
        {columns.status && Object.keys(data.words).map((word) => <Select key={word} label={t("imports.word", { word })} value={statuses[word] ?? data.words[word] ?? null} onChange={(value) => setStatuses((known) => ({ ...known, [word]: value }))} options={FINAL.map((id) => ({ id, name: t(`status.${id}`) }))} />)}
      </div>
      <Button
        kind="primary"
        onPress={() =>
          onSave({
            columns: columns as Schemas["MappingIn"]["columns"],
            date_order: order as Schemas["DateOrder"] | null,
            time_ranges: data.time_ranges,
            zone: zone || null,
            service_id: columns.service ? null : service,
            duration_minutes: minutes ? Number(minutes) : null,
            statuses: statuses as Schemas["MappingIn"]["statuses"],
            reading,
          })
        }
      >
        {t("imports.check")}
      </Button>
    </section>
  );
}

const TABS = ["all", "ok", "warning", "conflict", "invalid"] as const;

function Review({ item, onRemap, onConfirm }: { item: Import; onRemap: () => void; onConfirm?: (body: Schemas["ConfirmIn"]) => Promise<void> }) {
  const { t, i18n } = useTranslation();
  const { clock } = useBusiness();
  const queries = useQueryClient();
  const mayOverride = useRight("override");
  const [tab, setTab] = useState<(typeof TABS)[number]>("all");
  const [notify, setNotify] = useState(false);
  const [forcing, setForcing] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const rows = useInfiniteQuery({
    queryKey: ["import-rows", item.id, tab],
    queryFn: ({ pageParam }) => ask<Schemas["Page_RowOut_"]>("imports", `/imports/${item.id}/rows`, { query: { state: tab === "all" ? undefined : tab, limit: 50, cursor: pageParam } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const counts = item.counts;
  // What a confirmation takes: `chosen` counts only from then on.
  const bookable = counts ? counts.ok + counts.warnings + counts.overridden : 0;
  const open = counts ? counts.conflicts - counts.overridden : 0;
  const count = (name: (typeof TABS)[number]): number => (counts ? { all: counts.rows, ok: counts.ok, warning: counts.warnings, conflict: counts.conflicts, invalid: counts.invalid }[name] : 0);
  const number = new Intl.NumberFormat(i18n.language);
  const save = async (row: Row, body: Schemas["ChangeRowIn"]) => {
    try {
      await ask("imports", `/imports/${item.id}/rows/${row.number}`, { method: "PATCH", version: row.version, body });
    } finally {
      await queries.invalidateQueries({ queryKey: ["import-rows", item.id] });
      await queries.invalidateQueries({ queryKey: ["imports", item.id] });
    }
  };
  /** Whether it is saved; why not is said above the rows. */
  const change = (row: Row, body: Schemas["ChangeRowIn"]): Promise<boolean> => {
    setError(null);
    return save(row, body).then(
      () => true,
      (failure) => {
        setError(failure);
        return false;
      },
    );
  };
  return (
    <section className="panel">
      <nav className="tabs" aria-label={t("imports.review")}>
        {TABS.map((name) => (
          <button type="button" key={name} aria-current={tab === name ? "page" : undefined} onClick={() => setTab(name)}>
            {t(`imports.tab.${name}`)} <small>{number.format(count(name))}</small>
          </button>
        ))}
      </nav>
      <Problem error={error ?? rows.error} />
      <ul className="import-rows">
        {rows.data?.pages.flatMap((page) => page.items).map((row) => (
          <RowLine key={row.number} row={row} clock={clock} editable={onConfirm !== undefined} mayOverride={mayOverride} onChange={(body) => change(row, body)} onOverride={(reason) => save(row, { override_reason: reason })} />
        ))}
      </ul>
      {rows.hasNextPage && <Button isPending={rows.isFetchingNextPage} onPress={() => rows.fetchNextPage()}>{t("more")}</Button>}
      {onConfirm && counts && (
        <footer className="row">
          <Button onPress={onRemap}>{t("imports.remap")}</Button>
          <Checkbox value={notify} onChange={setNotify}>{t("imports.notify")}</Checkbox>
          <span className="fill" />
          {mayOverride && open > 0 && <Button onPress={() => setForcing(true)}>{t("imports.override", { count: open })}</Button>}
          <Button kind="primary" isDisabled={bookable === 0} onPress={() => onConfirm({ notify }).catch(setError)}>{t("imports.confirm", { count: bookable })}</Button>
        </footer>
      )}
      {forcing && onConfirm && <ReasonSheet title={t("calendar.override")} action={t("calendar.overrideAction")} onClose={() => setForcing(false)} onDone={async (reason) => { await onConfirm({ notify, override: { reason } }); setForcing(false); }} />}
    </section>
  );
}

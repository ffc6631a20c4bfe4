/** No-shows, volume, utilisation, revenue, follow-ups: a headline, bars, the table below, and the same as a file. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import { useBusiness } from "../business";
import { addDays, dayOf, isoOf, now, startOfDay } from "../time";
import { Select } from "../ui/fields";
import { Button } from "../ui/Button";
import { Empty, Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { csvOf } from "./csv";
import { type Figure, figuresOf, hasTotals, type Line, utilisationOf } from "./figures";
import { type HeatCell, HeatMap } from "./HeatMap";
import { nameOf } from "./names";
import { REPORTS, type ReportSearch } from "./reports";

const BY: Record<string, readonly string[]> = {
  "no-shows": ["weekday", "hour", "weekday_hour", "service", "staff", "client", "source"],
  volume: ["day", "month", "weekday", "hour", "weekday_hour", "source", "staff", "service"],
  revenue: ["service", "staff", "day", "month", "client"],
};

export function ReportsPage() {
  const { t, i18n } = useTranslation();
  const { report } = useParams({ from: "/reports/$report" });
  const search = useSearch({ from: "/reports/$report" });
  const navigate = useNavigate({ from: "/reports/$report" });
  const { business, clock } = useBusiness();
  const today = dayOf(now(), clock.zone);
  const from = search.from ?? addDays(today, -90);
  const to = search.to ?? today;
  const by = BY[report] && (search.by ?? BY[report]?.[0]);
  const questionBy = (grouping: string | undefined) => ({
    queryKey: ["reports", report, business?.id, from, to, grouping],
    queryFn: ({ signal }: { signal: AbortSignal }) => ask<{ items: Line[] }>("booking", `/reports/${report}`, { query: { business_id: business?.id, from: isoOf(startOfDay(from, clock.zone)), to: isoOf(startOfDay(addDays(to, 1), clock.zone)), by: grouping }, signal }),
  });
  const query = useQuery({ ...questionBy(by), enabled: business !== undefined });
  const totals = useQuery({ ...questionBy("business"), enabled: business !== undefined && hasTotals(report) });
  const figures = report === "utilisation" ? utilisationOf(query.data?.items ?? []) : figuresOf(report, totals.data?.items ?? []);
  const lines = (query.data?.items ?? []).map((line) => (line.name === null && typeof line.key === "string" ? { ...line, name: nameOf(by, line.key, i18n.language) } : line));
  const columns = lines[0] ? Object.keys(lines[0]).filter((name) => !["key", "resource_id", "client_id", "appointment_id"].includes(name) || !("name" in (lines[0] ?? {}))) : [];
  const percent = new Intl.NumberFormat(i18n.language, { style: "percent", maximumFractionDigits: 0 });
  const show = (name: string, value: string | number | null | undefined): string => {
    if (value === null || value === undefined) return "–";
    if (name === "rate") return percent.format(Number(value));
    return typeof value === "number" ? new Intl.NumberFormat(i18n.language).format(value) : value;
  };
  const download = () => {
    const text = csvOf([columns.map((name) => t(`reports.column.${name}`, { defaultValue: name })), ...lines.map((line) => columns.map((name) => String(line[name] ?? "")))]);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
    link.download = `${report}-${from}-${to}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const set = (change: ReportSearch) => void navigate({ search: (kept) => ({ ...kept, ...change }) });
  return (
    <Page
      title={t(`reports.${report}`)}
      actions={<><span className="fill" /><Button icon="down2" isDisabled={!lines.length} onPress={download}>CSV</Button></>}
    >
      <nav className="tabs" aria-label={t("nav.reports")}>
        {REPORTS.map((name) => (
          <button type="button" key={name} aria-current={name === report ? "page" : undefined} onClick={() => void navigate({ to: "/reports/$report", params: { report: name }, search: { from: search.from, to: search.to } })}>
            {t(`reports.${name}`)}
          </button>
        ))}
      </nav>
      <div className="filters">
        <span className="dates">
          <input type="date" aria-label={t("filter.from")} value={from} onChange={(event) => event.target.value && set({ from: event.target.value })} />
          <span aria-hidden="true">–</span>
          <input type="date" aria-label={t("filter.to")} value={to} onChange={(event) => event.target.value && set({ to: event.target.value })} />
        </span>
        {BY[report] && <Select hiddenLabel label={t("reports.by")} value={by ?? null} onChange={(value) => set({ by: value })} options={(BY[report] ?? []).map((id) => ({ id, name: t(`reports.by_${id}`) }))} />}
        <span className="soft">{t("zone", { place: clock.place })}</span>
      </div>
      {/* Nothing in a table takes the focus: without one of its own, keys would scroll none that is too wide. */}
      <div className="scroll pad" tabIndex={0} role="region" aria-label={t(`reports.${report}`)}>
        {query.isPending || query.isError ? (
          <Waiting error={query.error} />
        ) : !lines.length ? (
          <Empty title={t("reports.none")} />
        ) : (
          <>
            <Problem error={totals.error} />
            <Figures figures={figures} show={show} />
            {by === "weekday_hour" ? (
              <HeatMap cells={cellsOf(lines, barOf(report), show)} caption={`${t(`reports.${report}`)} · ${t("reports.by_weekday_hour")} · ${t("zone", { place: clock.place })}`} />
            ) : (
              <Bars lines={lines} value={barOf(report)} show={show} />
            )}
            <table className="plain-table">
              <thead>
                <tr>
                  {columns.map((name) => (
                    <th key={name}>{t(`reports.column.${name}`, { defaultValue: name })}</th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {lines.map((line, index) => (
                  <tr key={String(line.key ?? index)}>
                    {columns.map((name) => (
                      <td key={name} className={typeof line[name] === "number" ? "n" : ""}>
                        <bdi>{show(name, line[name])}</bdi>
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </div>
    </Page>
  );
}

const barOf = (report: string): string => ({ "no-shows": "rate", volume: "appointments", utilisation: "rate", revenue: "earned", "follow-ups": "days" })[report] ?? "rate";

type Show = (name: string, value: string | number | null | undefined) => string;

function Figures({ figures, show }: { figures: readonly Figure[]; show: Show }) {
  const { t, i18n } = useTranslation();
  if (!figures.length) return null;
  const said = ({ column, value, currency }: Figure) => (currency ? new Intl.NumberFormat(i18n.language, { style: "currency", currency }).format(value) : show(column, value));
  return (
    <dl className="figures">
      {figures.map((figure) => (
        <div key={`${figure.column} ${figure.currency}`}>
          <dt>{t(`reports.column.${figure.column}`)}</dt>
          <dd>{said(figure)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A rate says beside it of how many it is. */
function cellsOf(lines: readonly Line[], value: string, show: Show): Map<string, HeatCell> {
  const most = Math.max(...lines.map((line) => Number(line[value] ?? 0)), 0.0001);
  return new Map(
    lines.map((line) => {
      const count = Number(line.appointments ?? Number(line.no_shows ?? 0) + Number(line.completed ?? 0));
      const told = show(value, line[value]);
      return [String(line.key), { share: Number(line[value] ?? 0) / most, text: value === "rate" ? `${told} (${show("count", count)})` : told, count }];
    }),
  );
}

function Bars({ lines, value, show }: { lines: readonly Line[]; value: string; show: Show }) {
  const sorted = lines.filter((line) => line[value] !== undefined && line[value] !== null).sort((a, b) => Number(b[value]) - Number(a[value])).slice(0, 20);
  const most = Math.max(...sorted.map((line) => Number(line[value])), 0.0001);
  if (!sorted.length) return null;
  return (
    <div className="bars">
      {sorted.map((line, index) => (
        <div key={String(line.key ?? line.resource_id ?? index)}>
          <span>
            <bdi>{String(line.name ?? line.key ?? "")}</bdi>
          </span>
          <i style={{ inlineSize: `${(Number(line[value]) / most) * 60}%` }} />
          <b className="n">{show(value, line[value])}</b>
        </div>
      ))}
    </div>
  );
}

/** All appointments, across businesses: filters in the address, tabs with counts, grouped by day. */
import { useElementScrollRestoration, useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, type Page, STATUSES, type Status, staffOf, useAppointmentPages, useCounts } from "../api/appointments";
import { useResources, useServices } from "../api/catalogue";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { useShortcuts } from "../keys";
import { numbers } from "../numbers";
import { Clock, addDays, dayOf, duration, instantOf, now, startOfDay } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, PlainCheckbox } from "../ui/fields";
import { Icon } from "../ui/Icon";
import { Menu } from "../ui/Menu";
import { Empty, Live, Waiting } from "../ui/Page";
import { Avatar, StatusPill } from "../ui/Pill";
import { Problem } from "../ui/Problem";
import { useScale } from "../ui/scale";
import { BulkBar, type Selection } from "./BulkBar";
import { AppointmentDrawer } from "./Drawer";
import { ExportSheet } from "./ExportSheet";
import { FilterChips } from "./FilterChips";
import { type ListSearch, type SortKey, keyOf, queryOf, sortBy, sortOf } from "./filters";
import { linesOf } from "./lines";
import "./list.css";
import { type Line, useStill } from "./stillness";
import { useVerbs } from "./useVerbs";

const ROW = 48;
const HEAD = 34;
const SCROLLER = "list";
const NO_PAGES: readonly Page[] = [];
/** Of the box that the rows are scrolled in, when it was there last. */
let lastHeight = window.innerHeight;

export function ListPage() {
  const { t, i18n } = useTranslation();
  const search = useSearch({ from: "/appointments" });
  const navigate = useNavigate({ from: "/appointments" });
  const { clock, business, businesses } = useBusiness();
  const mayBook = useRight("book");
  const today = dayOf(now(), clock.zone);
  const query = useMemo(() => queryOf(search, clock, today), [search, clock, today]);
  const pages = useAppointmentPages({ ...query, status: search.status }, sortOf(search));
  const counts = useCounts(query);
  const [selection, setSelection] = useState<Selection>({ ids: new Set(), all: null });
  const [exporting, setExporting] = useState(false);
  const { verbsOf, start, dialog } = useVerbs();
  const box = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<string | null>(null);
  /** The row that a key has chosen, until it has the focus. */
  const wanted = useRef<string | null>(null);
  const zones = useMemo(() => new Map(businesses.map((item) => [item.id, new Clock(clock.locale, item.zone)])), [businesses, clock.locale]);
  const set = (change: Partial<ListSearch>, replace = false) => void navigate({ search: (kept) => clean({ ...kept, wrong: undefined, ...change }), replace });

  useEffect(() => {
    document.title = `${t("nav.appointments")} · Slotstream`;
  }, [t]);
  // Another filter means other rows: what was selected among the former ones is let go.
  const filterKey = JSON.stringify([query, search.status]);
  useEffect(() => setSelection({ ids: new Set(), all: null }), [filterKey]);

  const sort = sortOf(search);
  const sorted = keyOf(sort);
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const grouped = useMemo(() => linesOf(pages.data?.pages ?? NO_PAGES, sorted === "starts_at"), [pages.data, sorted]);
  const { lines, waiting, watch } = useStill(grouped, pages.isPlaceholderData ? null : `${filterKey}${sort}`);
  const order = () => lines.flatMap((line) => (line.kind === "row" ? [line.key] : []));

  const scale = useScale();
  const left = useElementScrollRestoration({ id: SCROLLER })?.scrollY ?? 0;
  const sizeOf = (line: Line | undefined) => (line?.kind === "day" ? HEAD : ROW) * scale;
  /** Where the list was left, as long as it still reaches there. */
  const restored = () => {
    const total = lines.reduce((sum, line) => sum + sizeOf(line), 0);
    return total > Math.max(left, lastHeight) ? left : 0;
  };
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: (index) => sizeOf(lines[index]),
    // The same for as long as the lines are, or each drawing would measure all of them.
    getItemKey: useCallback((index: number) => lines[index]?.key ?? index, [lines]),
    overscan: 6,
    // What is known of the box before it is there: its rows are drawn once, and where they are wanted.
    initialRect: { width: 0, height: lastHeight },
    initialOffset: restored,
  });
  const height = virtual.scrollRect?.height;
  useEffect(() => {
    if (height) lastHeight = height;
  }, [height]);
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= lines.length - 20 && pages.hasNextPage && !pages.isFetchingNextPage) void pages.fetchNextPage();
  }, [last, lines.length, pages]);

  const toggle = (id: string, range: boolean) =>
    setSelection((known) => {
      const ids = new Set(known.ids);
      if (range && known.last) {
        const shownIds = order();
        const [from, to] = [shownIds.indexOf(known.last), shownIds.indexOf(id)].sort((a, b) => a - b) as [number, number];
        for (const other of shownIds.slice(Math.max(0, from), to + 1)) ids.add(other);
      } else if (!ids.delete(id)) ids.add(id);
      return { ids, all: null, last: id };
    });
  const giveFocus = () => {
    const row = wanted.current && box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(wanted.current)}"]`);
    if (!row) return;
    wanted.current = null;
    row.focus();
  };
  // A row far away is drawn only after it has been scrolled to.
  useLayoutEffect(giveFocus);
  const step = (by: number) => {
    const shownIds = order();
    const next = shownIds[Math.min(Math.max(shownIds.indexOf(current ?? "") + by, 0), shownIds.length - 1)];
    if (!next) return;
    setCurrent(next);
    virtual.scrollToIndex(lines.findIndex((line) => line.key === next));
    if (search.appointment) set({ appointment: next }, true);
    wanted.current = next;
    giveFocus();
  };
  const verbKey = (verb: string) => () => {
    const appointment = rows.find((row) => row.id === (search.appointment ?? current));
    if (appointment && verbsOf(appointment).some((item) => item.id === verb && !item.why)) start(appointment, verb);
  };
  // The same for as long as the list lasts, or each drawing of the page would draw every row.
  const latest = useRef<RowHand | null>(null);
  latest.current = { verbsOf, select: toggle, focus: setCurrent, open: (id) => set({ appointment: id }), start };
  const hand = useMemo((): RowHand => {
    const now = () => latest.current as RowHand;
    return {
      verbsOf: (appointment) => now().verbsOf(appointment),
      select: (id, range) => now().select(id, range),
      focus: (id) => now().focus(id),
      open: (id) => now().open(id),
      start: (appointment, verb) => now().start(appointment, verb),
    };
  }, []);
  useShortcuts({
    j: () => step(1),
    k: () => step(-1),
    x: () => current && toggle(current, false),
    enter: () => current && set({ appointment: current }),
    escape: () => (search.appointment ? set({ appointment: undefined }) : setSelection({ ids: new Set(), all: null })),
    c: verbKey("confirm"),
    d: verbKey("complete"),
    r: verbKey("reschedule"),
  });

  const someOnPage = selection.ids.size > 0 && rows.some((row) => selection.ids.has(row.id));
  const allOnPage = someOnPage && rows.every((row) => selection.ids.has(row.id));
  const total = search.status?.length ? search.status.reduce((sum, status) => sum + (counts.data?.by_status[status] ?? 0), 0) : counts.data?.total;
  return (
    <>
      <header className="top">
        <h1 tabIndex={-1}>{t("nav.appointments")}</h1>
        <Live />
        <SearchField value={search.q ?? ""} onChange={(q) => set({ q: q || undefined }, true)} />
        <Button icon="down2" className="hide-s" onPress={() => setExporting(true)}>
          {t("export.short")}
        </Button>
        {mayBook && (
          <Button kind="primary" icon="plus" className="hide-s" shortcut="N" onPress={() => void navigate({ to: "/appointments/new", search: {} })}>
            {t("new.title")}
          </Button>
        )}
      </header>
      <FilterChips search={search} today={today} onChange={set} />
      {search.wrong && (
        <div className="problem" role="alert">
          <Icon name="warn" />
          <p>{t("list.wrong", { names: search.wrong.join(", ") })}</p>
        </div>
      )}
      <nav className="tabs" aria-label={t("list.byStatus")}>
        <StatusTab name={t("list.all")} count={counts.data?.total} failed={counts.isError} on={!search.status} onChoose={() => set({ status: undefined })} />
        {STATUSES.map((status) => (
          <StatusTab
            key={status}
            name={t(`status.${status}`)}
            count={counts.data ? (counts.data.by_status[status] ?? 0) : undefined}
            failed={counts.isError}
            on={search.status?.length === 1 && search.status[0] === status}
            onChoose={() => set({ status: [status] })}
          />
        ))}
      </nav>
      {pages.isError && rows.length > 0 && <Problem error={pages.error} />}
      <div className={search.appointment ? "work with-drawer" : "work"}>
        <p className="waits" role="status">
          {waiting > 0 && t("list.waits", { count: waiting })}
        </p>
        <div className="scroll" ref={box} tabIndex={-1} data-scroll-restoration-id={SCROLLER} {...watch}>
          {pages.isPending ? (
            <Waiting />
          ) : pages.isError && !lines.length ? (
            <Waiting error={pages.error} />
          ) : !lines.length ? (
            <NothingHere search={search} onClear={() => void navigate({ search: {} })} />
          ) : (
            <table aria-rowcount={total ?? -1} aria-label={t("nav.appointments")}>
              <thead>
                <tr>
                  <th className="c-check">
                    <Checkbox label={t("list.selectPage")} value={allOnPage} mixed={!allOnPage && someOnPage} onChange={(on) => setSelection({ ids: new Set(on ? rows.map((row) => row.id) : []), all: null })} />
                  </th>
                  <SortHead className="c-time" name={t("field.time")} column="starts_at" sort={sort} onSort={(next) => set({ sort: next })} />
                  <SortHead name={t("field.client")} column="client" sort={sort} onSort={(next) => set({ sort: next })} />
                  <th>{t("field.service")}</th>
                  <th className="hide-m">{t("field.staff")}</th>
                  <th className="c-status">{t("field.status")}</th>
                  <th className="hide-m">{t("field.source")}</th>
                  <th className="c-act">
                    <span className="sr">{t("list.actions")}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                <Spacer height={shown[0]?.start ?? 0} />
                {shown.map(({ index, key }) => {
                  const line = lines[index];
                  if (!line) return null;
                  if (line.kind === "day") return <DayRow key={key} day={line.day} appointments={line.appointments} clock={zones.get(line.appointments[0]?.business_id ?? "") ?? clock} complete={!pages.hasNextPage || index < lines.length - 100} />;
                  const { appointment, gone } = line;
                  return (
                    <Row
                      key={key}
                      appointment={appointment}
                      gone={gone === true}
                      clock={zones.get(appointment.business_id) ?? clock}
                      otherBusiness={appointment.business_id !== business?.id ? businesses.find((item) => item.id === appointment.business_id)?.name : undefined}
                      language={i18n.language}
                      sorted={sorted}
                      selected={selection.ids.has(appointment.id)}
                      open={search.appointment === appointment.id}
                      hand={hand}
                    />
                  );
                })}
                <Spacer height={virtual.getTotalSize() - (shown.at(-1)?.end ?? 0)} />
              </tbody>
            </table>
          )}
        </div>
        {search.appointment && <AppointmentDrawer id={search.appointment} onClose={() => set({ appointment: undefined })} onOther={(id) => set({ appointment: id }, true)} />}
      </div>
      {selection.ids.size > 0 && <BulkBar selection={selection} rows={rows} query={{ ...query, status: search.status }} total={total} onChange={setSelection} />}
      {exporting && <ExportSheet query={{ ...query, status: search.status }} ids={[...selection.ids]} total={total} onClose={() => setExporting(false)} />}
      {dialog}
    </>
  );
}

const clean = (search: ListSearch): ListSearch => Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && !(Array.isArray(value) && !value.length))) as ListSearch;

function SearchField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = window.setTimeout(() => onChange(text), 250);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [text]);
  return (
    <label className="find">
      <Icon name="search" />
      <span className="sr">{t("list.search")}</span>
      <input type="search" value={text} onChange={(event) => setText(event.target.value)} placeholder={t("list.search")} maxLength={200} />
    </label>
  );
}

function StatusTab({ name, count, failed, on, onChoose }: { name: string; count: number | undefined; failed: boolean; on: boolean; onChoose: () => void }) {
  const { i18n } = useTranslation();
  return (
    <button type="button" aria-current={on ? "page" : undefined} onClick={onChoose}>
      {name} <small>{failed ? "–" : count === undefined ? "" : numbers(i18n.language).format(count)}</small>
    </button>
  );
}

const Spacer = ({ height }: { height: number }) =>
  height > 0 ? (
    <tr aria-hidden="true">
      <td colSpan={8} style={{ blockSize: height, padding: 0, border: 0 }} />
    </tr>
  ) : null;

function DayRow({ day, appointments, clock, complete }: { day: string; appointments: readonly Appointment[]; clock: Clock; complete: boolean }) {
  const { t } = useTranslation();
  const today = dayOf(now(), clock.zone);
  const pending = appointments.filter((appointment) => appointment.status === "pending").length;
  const name = clock.fullDay(startOfDay(day, clock.zone));
  const near = day === today ? `${t("today")}, ` : day === addDays(today, 1) ? `${t("tomorrow")}, ` : "";
  return (
    <tr className="day">
      <td colSpan={8}>
        <bdi>{near + name}</bdi>
        <span>
          {complete && t("list.count", { count: appointments.length })}
          {pending > 0 && ` · ${t("list.pending", { count: pending })}`} · {t("zone", { place: clock.place })}
        </span>
      </td>
    </tr>
  );
}

type RowProps = {
  appointment: Appointment;
  /** No longer among what the list shows: it leaves when the pointer does. */
  gone: boolean;
  clock: Clock;
  otherBusiness: string | undefined;
  language: string;
  sorted: SortKey;
  selected: boolean;
  open: boolean;
  hand: RowHand;
};

/** What a row can be told to do. */
type RowHand = Pick<ReturnType<typeof useVerbs>, "verbsOf" | "start"> & {
  select: (id: string, range: boolean) => void;
  focus: (id: string) => void;
  open: (id: string) => void;
};

const GONE_LOOK = new Set<Status>(["cancelled", "rescheduled", "dismissed"]);

/** Drawn anew only when it has changed itself. Its buttons are made when somebody comes near: until then nobody sees them. */
const Row = memo(function Row({ appointment, gone, clock, otherBusiness, language, sorted, selected, open, hand }: RowProps) {
  const { t } = useTranslation();
  const [near, setNear] = useState(false);
  const start = instantOf(appointment.starts_at);
  const staff = staffOf(appointment);
  const onOpen = () => hand.open(appointment.id);
  const shift = useRef(false);
  const label = `${appointment.client.name}, ${clock.dayAndTime(start)}`;
  return (
    <tr className={`${gone || GONE_LOOK.has(appointment.status) ? "off " : ""}${open ? "cur" : ""}`} aria-selected={selected} onClick={onOpen} onPointerEnter={() => setNear(true)} onFocus={() => setNear(true)}>
      <td onClick={(event) => event.stopPropagation()} onPointerDown={(event) => { shift.current = event.shiftKey; }}>
        <PlainCheckbox label={t("list.select", { label })} value={selected} onChange={() => { hand.select(appointment.id, shift.current); shift.current = false; }} />
      </td>
      <td className="t">
        {sorted !== "starts_at" && <small>{clock.shortDay(start)}</small>}
        <b>{clock.time(start)}</b>
        <small>
          <bdi>{sortedBy(appointment, sorted, clock, language) ?? duration(appointment.duration_minutes, language)}</bdi>
        </small>
      </td>
      <td>
        <button type="button" className="rowlink" data-row={appointment.id} onFocus={() => hand.focus(appointment.id)} onClick={(event) => { event.stopPropagation(); onOpen(); }}>
          <bdi>{appointment.client.name}</bdi>
        </button>
        <small>
          <bdi dir={appointment.client.phone ? "ltr" : undefined}>{appointment.client.phone ?? appointment.client.email ?? ""}</bdi>
        </small>
      </td>
      <td>
        <b className="light">
          <bdi>{appointment.service_name}</bdi>
        </b>
        <small>
          <bdi>{[appointment.action_name, otherBusiness].filter(Boolean).join(" · ")}</bdi>
        </small>
      </td>
      <td className="hide-m">
        {staff[0] && (
          <span className="who">
            <Avatar name={staff[0].name} />
            <span>
              <bdi>{staff.map((person) => person.name).join(", ")}</bdi>
            </span>
          </span>
        )}
      </td>
      <td>
        <StatusPill status={appointment.status} />
      </td>
      <td className="hide-m soft">
        {t(`source.${appointment.source}`, { defaultValue: appointment.source })}
        {appointment.origin.kind !== "independent" && <small>{t(`origin.${appointment.origin.kind}`)}</small>}
      </td>
      <td className="c-act" onClick={(event) => event.stopPropagation()}>
        <span className="sig">
          {appointment.series_id && <span title={t("list.series")}><Icon name="rep" /></span>}
          {(appointment.notes || appointment.internal_notes) && <span title={t("list.note")}><Icon name="note" /></span>}
        </span>
        {near && <Acts appointment={appointment} label={label} hand={hand} />}
      </td>
    </tr>
  );
});

function Acts({ appointment, label, hand }: { appointment: Appointment; label: string; hand: RowHand }) {
  const { t } = useTranslation();
  const verbs = hand.verbsOf(appointment);
  const likely = verbs.find((verb) => !verb.why && ["approve", "confirm", "complete"].includes(verb.id));
  return (
    <span className="act">
      {likely && (
        <Button icon={likely.icon} onPress={() => hand.start(appointment, likely.id)}>
          {likely.name}
        </Button>
      )}
      {verbs.length > 0 && <Menu label={t("list.more", { label })} items={verbs} onAction={(verb) => hand.start(appointment, verb)} />}
    </span>
  );
}

/** What the list is sorted by, where no column shows it. */
function sortedBy(appointment: Appointment, sorted: SortKey, clock: Clock, language: string): string | undefined {
  if (sorted === "created_at" || sorted === "updated_at") return clock.dayAndTime(instantOf(appointment[sorted]));
  if (sorted !== "price") return undefined;
  const price = appointment.actual_price ?? appointment.quoted_price;
  return price ? numbers(language, { style: "currency", currency: price.currency }).format(Number(price.amount)) : "–";
}

function SortHead({ name, column, sort, className, onSort }: { name: string; column: SortKey; sort: string; className?: string; onSort: (sort: string) => void }) {
  const on = keyOf(sort) === column;
  return (
    <th className={className} aria-sort={on ? (sort.startsWith("-") ? "descending" : "ascending") : "none"}>
      <button type="button" onClick={() => onSort(sortBy(column, sort))}>
        {name} {on && <span aria-hidden="true">{sort.startsWith("-") ? "↓" : "↑"}</span>}
      </button>
    </th>
  );
}

function NothingHere({ search, onClear }: { search: ListSearch; onClear: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const filtered = Object.keys(search).some((name) => !["sort", "appointment", "wrong", "period"].includes(name));
  return (
    <Empty title={filtered ? t("list.nothingMatches") : search.period === "all" ? t("list.none") : t("list.noneThen")}>
      {filtered || search.period !== "all" ? (
        <Button onPress={filtered ? onClear : () => void navigate({ to: "/appointments", search: { period: "all" } })}>{filtered ? t("list.clear") : t("list.showAll")}</Button>
      ) : (
        <Button kind="primary" onPress={() => void navigate({ to: "/appointments/new", search: {} })}>
          {t("new.title")}
        </Button>
      )}
    </Empty>
  );
}

export function useFilterNames() {
  return { resources: useResources().data ?? [], services: useServices().data ?? [] };
}

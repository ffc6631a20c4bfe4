/** All appointments, across businesses: filters in the address, tabs with counts, grouped by day. */
import { useElementScrollRestoration, useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Suspense, lazy, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Page, countOf, useAppointmentPages, useCounts } from "../api/appointments";
import { usePreferences } from "../api/preferences";
import { useRight } from "../api/session";
import { idsAround, useSignals } from "../api/signals";
import { useBusiness } from "../business";
import { useShortcuts } from "../keys";
import { Clock, dayOf, now } from "../time";
import { Button } from "../ui/Button";
import { Checkbox } from "../ui/fields";
import { Icon } from "../ui/Icon";
import { Live, NotRefreshed, Waiting } from "../ui/Page";
import { usePhone } from "../ui/phone";
import { useScale } from "../ui/scale";
import { toast } from "../ui/toasts";
import { alongRow } from "./alongRow";
import { Attention } from "./Attention";
import { BulkBar } from "./BulkBar";
import { useCurrent } from "./current";
import { AppointmentDrawer } from "./Drawer";
import { FilterChips } from "./FilterChips";
import { type DrawerTab, type ListSearch, keyOf, queryOf, sortOf } from "./filters";
import { linesOf } from "./lines";
import { DayRow, SearchField, SortHead, Spacer, StatusTabs } from "./ListParts";
import { NothingHere } from "./NothingHere";
import { Row, type RowHand } from "./Row";
import { NONE, type Selection, drawn, toggled } from "./selection";
import { type Line, useStill } from "./stillness";
import { useVerbs } from "./useVerbs";

const ExportSheet = lazy(() => import("./ExportSheet").then(({ ExportSheet }) => ({ default: ExportSheet })));

const ROW = { comfortable: 48, compact: 36 } as const;
const PHONE_ROW = 64;
const HEAD = 34;
const ALL_COLUMNS = 8;
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
  const [selection, setSelection] = useState<Selection>(NONE);
  const [exporting, setExporting] = useState(false);
  const [opened, setOpened] = useState<{ write?: number; stepped?: boolean }>({});
  /** In the drawer; `step` where one comes from the row beside, and the focus stays where it is. */
  const open = (id: string, { tab, write, step: stepped }: { tab?: DrawerTab; write?: number; step?: boolean } = {}) => {
    setOpened({ write, stepped });
    set({ appointment: id, tab }, stepped);
  };
  const { verbsOf, start, dialog } = useVerbs({ onMessage: ({ id }) => open(id, { tab: "messages", write: performance.now() }) });
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
  const selected = useRef(0);
  selected.current = selection.ids.size;
  useEffect(() => {
    if (selected.current) toast(t("list.letGo", { count: selected.current }));
    setSelection(NONE);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [filterKey]);

  const sort = sortOf(search);
  const sorted = keyOf(sort);
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const grouped = useMemo(() => linesOf(pages.data?.pages ?? NO_PAGES, sorted === "starts_at"), [pages.data, sorted]);
  const { lines, waiting, watch } = useStill(grouped, pages.isPlaceholderData ? null : `${filterKey}${sort}`);
  const ids = useMemo(() => lines.flatMap((line) => (line.kind === "row" ? [line.key] : [])), [lines]);

  const [{ density, hidden_columns }] = usePreferences();
  const hidden = useMemo(() => new Set(hidden_columns ?? []), [hidden_columns]);
  const columns = ALL_COLUMNS - [...hidden].filter((column) => column !== "signals").length;
  const phone = usePhone();
  const selecting = phone && search.selecting === true;
  useEffect(() => {
    if (selecting) return () => setSelection(NONE);
  }, [selecting]);
  /** With nothing selected any more, selecting is over too. */
  const select = (next: Selection) => {
    setSelection(next);
    if (next === NONE && selecting) set({ selecting: undefined }, true);
  };
  const rowHeight = phone ? PHONE_ROW : ROW[density ?? "comfortable"];
  const scale = useScale();
  const left = useElementScrollRestoration({ id: SCROLLER })?.scrollY ?? 0;
  const sizeOf = (line: Line | undefined) => (line?.kind === "day" ? HEAD : rowHeight) * scale;
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
  const measured = useRef(rowHeight);
  useEffect(() => {
    if (measured.current === rowHeight) return;
    measured.current = rowHeight;
    virtual.measure();
  }, [virtual, rowHeight]);
  const height = virtual.scrollRect?.height;
  useEffect(() => {
    if (height) lastHeight = height;
  }, [height]);
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const seen = shown.flatMap(({ index }) => (lines[index]?.kind === "row" ? [lines[index].key] : []));
  /** Where Tab comes to the list: to the row that was gone to last, as long as it is drawn. */
  const stop = current !== null && seen.includes(current) ? current : seen[0];
  const signals = useSignals(idsAround(ids, ids.indexOf(seen[0] ?? ""), ids.indexOf(seen.at(-1) ?? "")));
  useEffect(() => {
    if (last >= lines.length - 20 && pages.hasNextPage && !pages.isFetchingNextPage) void pages.fetchNextPage();
  }, [last, lines.length, pages]);

  const toggle = (id: string, range: boolean) => setSelection((known) => toggled(known, id, range, ids));
  const giveFocus = () => {
    const row = wanted.current && box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(wanted.current)}"]`);
    if (!row) return;
    wanted.current = null;
    row.focus();
  };
  // A row far away is drawn only after it has been scrolled to.
  useLayoutEffect(giveFocus);
  /** To the next row or the one before, with the drawer if it is open. */
  const go = (by: number) => {
    const from = search.appointment ?? current ?? "";
    const next = ids[Math.min(Math.max(ids.indexOf(from) + by, 0), ids.length - 1)];
    if (!next) return null;
    setCurrent(next);
    virtual.scrollToIndex(lines.findIndex((line) => line.key === next));
    if (search.appointment) open(next, { tab: search.tab, step: true });
    return { from: ids.includes(from) ? from : next, next };
  };
  const step = (by: number, range = false) => {
    const isOnTop = current === ids[0] && !search.appointment && box.current?.contains(document.activeElement);
    if (isOnTop && by < 0 && !range) return box.current?.querySelector<HTMLElement>("thead button")?.focus();
    const gone = go(by);
    if (!gone) return;
    if (range) setSelection((known) => drawn(known, gone.from, gone.next, ids));
    wanted.current = gone.next;
    giveFocus();
  };
  const alongHead = (event: React.KeyboardEvent<HTMLElement>) => {
    if (event.key !== "ArrowDown") return alongRow(event);
    event.preventDefault();
    box.current?.querySelector<HTMLElement>("[data-row][tabindex='0']")?.focus();
  };
  // Inside the drawer, arrows scroll what is read and choose among tabs.
  const arrow = (by: number) => (event: KeyboardEvent) => !(event.target as HTMLElement).closest(".drawer .body, [role=tablist], .side") && step(by, event.shiftKey);
  const close = () => {
    wanted.current = search.appointment ?? null;
    set({ appointment: undefined, tab: undefined });
  };
  useCurrent(() => {
    // Of what is open, the drawer tells.
    const appointment = search.appointment ? undefined : rows.find((row) => row.id === current);
    return appointment ? { appointment, items: verbsOf(appointment), start: (verb) => start(appointment, verb) } : null;
  });
  // The same for as long as the list lasts, or each drawing of the page would draw every row.
  const latest = useRef<RowHand | null>(null);
  latest.current = { verbsOf, select: toggle, focus: setCurrent, open: (id) => (selecting ? toggle(id, false) : open(id)), start };
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
    arrowdown: arrow(1),
    arrowup: arrow(-1),
    x: () => current && toggle(current, false),
    enter: () => current && open(current),
    escape: () => (search.appointment ? close() : select(NONE)),
  });

  const at = search.appointment ? ids.indexOf(search.appointment) : -1;
  const someOnPage = selection.ids.size > 0 && rows.some((row) => selection.ids.has(row.id));
  const allOnPage = someOnPage && rows.every((row) => selection.ids.has(row.id));
  const total = counts.data && countOf(counts.data, search.status);
  return (
    <>
      <header className="top">
        <h1 tabIndex={-1}>{t("nav.appointments")}</h1>
        <Live />
        <SearchField value={search.q ?? ""} onChange={(q) => set({ q: q || undefined }, true)} />
        <Button className="only-s select" aria-pressed={selecting} onPress={() => (selecting ? select(NONE) : set({ selecting: true }))}>
          {t("list.selectSeveral")}
        </Button>
        <Button icon="down2" aria-label={t("export.short")} onPress={() => setExporting(true)}>
          <span className="hide-s">{t("export.short")}</span>
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
      <div className="tabline">
        <StatusTabs counts={counts.data} failed={counts.isError} chosen={search.status} onChoose={(status) => set({ status })} />
        <Attention />
      </div>
      {pages.isError && rows.length > 0 && <NotRefreshed error={pages.error} at={pages.dataUpdatedAt} clock={clock} />}
      <div className={search.appointment ? "work with-drawer" : selecting ? "work selecting" : "work"}>
        <p className="waits" role="status">
          {waiting > 0 && t("list.waits", { count: waiting })}
        </p>
        <div className="scroll" ref={box} tabIndex={-1} data-scroll-restoration-id={SCROLLER} {...watch}>
          {pages.isPending ? (
            <Waiting />
          ) : pages.isError && !lines.length ? (
            <Waiting error={pages.error} />
          ) : !lines.length ? (
            <NothingHere search={search} today={today} onSearch={(wanted) => void navigate({ search: clean(wanted) })} />
          ) : (
            <table role="grid" className={density === "compact" ? "compact" : undefined} aria-multiselectable="true" aria-rowcount={total ?? -1} aria-label={t("nav.appointments")}>
              <thead>
                <tr onKeyDown={alongHead}>
                  <th className="c-check">
                    <Checkbox excludeFromTabOrder label={t("list.selectPage")} value={allOnPage} mixed={!allOnPage && someOnPage} onChange={(on) => setSelection({ ids: new Set(on ? rows.map((row) => row.id) : []), all: null })} />
                  </th>
                  <SortHead className="c-time" name={t("field.time")} column="starts_at" sort={sort} onSort={(next) => set({ sort: next })} />
                  <SortHead name={t("field.client")} column="client" sort={sort} onSort={(next) => set({ sort: next })} />
                  {!hidden.has("service") && <th>{t("field.service")}</th>}
                  {!hidden.has("staff") && <th className="hide-m">{t("field.staff")}</th>}
                  {!hidden.has("status") && <th className="c-status">{t("field.status")}</th>}
                  {!hidden.has("source") && <th className="hide-m">{t("field.source")}</th>}
                  <th className="c-act">
                    <span className="sr">{t("list.actions")}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                <Spacer columns={columns} height={shown[0]?.start ?? 0} />
                {shown.map(({ index, key }) => {
                  const line = lines[index];
                  if (!line) return null;
                  if (line.kind === "day") return <DayRow key={key} columns={columns} day={line.day} appointments={line.appointments} clock={zones.get(line.appointments[0]?.business_id ?? "") ?? clock} complete={!pages.hasNextPage || index < lines.length - 100} />;
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
                      current={current === appointment.id}
                      reminded={signals.get(appointment.id)}
                      stop={stop === appointment.id}
                      hidden={hidden}
                      hand={hand}
                    />
                  );
                })}
                <Spacer columns={columns} height={virtual.getTotalSize() - (shown.at(-1)?.end ?? 0)} />
              </tbody>
            </table>
          )}
        </div>
        {search.appointment && (
          <AppointmentDrawer
            id={search.appointment}
            place={search.tab === "messages" ? { tab: search.tab, write: opened.write } : { tab: search.tab ?? "details" }}
            onPlace={({ tab, write }) => {
              setOpened({ ...opened, write });
              set({ tab: tab === "details" ? undefined : tab }, true);
            }}
            neighbours={at < 0 ? null : { previous: at > 0 ? () => void go(-1) : null, next: at < ids.length - 1 ? () => void go(1) : null }}
            takesFocus={!opened.stepped}
            onClose={close}
            onOther={(id) => set({ appointment: id, tab: undefined }, true)}
          />
        )}
      </div>
      {(selection.ids.size > 0 || selecting) && <BulkBar selection={selection} rows={rows} query={{ ...query, status: search.status }} total={total} onChange={select} />}
      {exporting && (
        <Suspense fallback={null}>
          <ExportSheet query={{ ...query, status: search.status }} ids={[...selection.ids]} total={total} onClose={() => setExporting(false)} />
        </Suspense>
      )}
      {dialog}
    </>
  );
}

const clean = (search: ListSearch): ListSearch => Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && !(Array.isArray(value) && !value.length))) as ListSearch;

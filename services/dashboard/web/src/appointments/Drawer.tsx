/** One appointment beside the list or calendar: what it is, what can be done, what happened, what was sent. */
import { useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy, useEffect, useRef, useState } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { type Appointment, readRefused, staffOf, useAppointment } from "../api/appointments";
import { type Business, useActions } from "../api/catalogue";
import { isOwnVersion, showOwn } from "../api/follow";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { ClientLinks, useMayLink } from "../clients/ClientLinks";
import { Clock, duration, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select } from "../ui/fields";
import { Menu } from "../ui/Menu";
import { Waiting } from "../ui/Page";
import { Avatar, StatusPill } from "../ui/Pill";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { useCurrent } from "./current";
import { type Neighbours, Ways, When, Who } from "./DrawerHead";
import { editInPlace, type Fields } from "./edits";
import { DRAWER_TABS, type DrawerTab } from "./filters";
import { Notes } from "./Notes";
import { Price } from "./Price";
import { SeatsTaken } from "./Seats";
import { useVerbs } from "./useVerbs";

/* Of files of their own: most look at the details alone. */
const ChangedElsewhere = lazy(() => import("./ChangedElsewhere"));
const HistoryTab = lazy(() => import("./HistoryTab").then(({ HistoryTab }) => ({ default: HistoryTab })));
const MessagesTab = lazy(() => import("./MessagesTab").then(({ MessagesTab }) => ({ default: MessagesTab })));
const OverrideNote = lazy(() => import("./OverrideNote"));
const SeriesDates = lazy(() => import("./SeriesDates"));
const RemindersTab = lazy(() => import("./MessagesTab").then(({ RemindersTab }) => ({ default: RemindersTab })));

/** Where in the drawer one is. `write` is another number each time that the client is to be written to. */
export type Place = { tab: DrawerTab; write?: number };
type Props = {
  id: string;
  onClose: () => void;
  onOther: (id: string) => void;
  full?: boolean;
  /** Where there is none, the drawer keeps it itself. */
  place?: Place;
  onPlace?: (place: Place) => void;
  neighbours?: Neighbours | null;
  /** Whether another appointment takes the focus along: not where somebody goes from row to row. */
  takesFocus?: boolean;
};

export function AppointmentDrawer({ id, onClose, onOther, full, place: given, onPlace, neighbours = null, takesFocus = true }: Props) {
  const { t } = useTranslation();
  const { data: appointment, error, isPending } = useAppointment(id);
  const heading = useRef<HTMLHeadingElement>(null);
  const [own, setOwn] = useState<Place & { id: string }>({ id, tab: "details" });
  const place = given ?? (own.id === id ? own : FIRST);
  const go = (to: Place) => (onPlace ? onPlace(to) : setOwn({ ...to, id }));
  useEffect(() => {
    if (takesFocus) heading.current?.focus({ preventScroll: true });
    // Whoever goes from row to row is asked at each step, and answered with the step.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id]);
  return (
    <aside className="drawer" aria-label={t("drawer.title")}>
      <div className="dh">
        <div className="r1">
          {appointment && <When appointment={appointment} />}
          <span className="fill" />
          <Ways id={id} onClose={onClose} full={full} neighbours={neighbours} />
        </div>
        {appointment && <Who appointment={appointment} heading={heading} />}
      </div>
      {appointment ? <Content appointment={appointment} place={place} onPlace={go} onOther={onOther} /> : isPending || error ? <Waiting error={error} /> : null}
    </aside>
  );
}

const FIRST: Place = { tab: "details" };

type ContentProps = { appointment: Appointment; place: Place; onPlace: (place: Place) => void; onOther: (id: string) => void };

function Content({ appointment, place, onPlace, onOther }: ContentProps) {
  const { t } = useTranslation();
  const { clock: businessClock, businesses } = useBusiness();
  const { verbsOf, start, dialog } = useVerbs({ onMessage: () => onPlace({ tab: "messages", write: performance.now() }) });
  const verbs = verbsOf(appointment);
  const act = (verb: string) => start(appointment, verb);
  const tabs = useRef<HTMLDivElement>(null);
  const [before, dismiss] = useChangesOfOthers(appointment);
  useFieldFocus(tabs, place.write);
  useCurrent(() => ({ appointment, items: verbs, start: act }));
  const now = verbs.filter((verb) => !verb.why);
  const [first, second, third] = now;
  const rest = verbs.filter((verb) => ![first, second, third].includes(verb));
  const clock = new Clock(businessClock.locale, appointment.zone);
  const business = businesses.find((item) => item.id === appointment.business_id);
  return (
    <>
      {verbs.length > 0 && (
        <div className="verbs">
          {first && (
            <Button kind="primary" icon={first.icon} onPress={() => act(first.id)}>
              {first.name}
            </Button>
          )}
          {[second, third].map((verb) => verb && (
            <Button key={verb.id} icon={verb.icon} onPress={() => act(verb.id)}>
              {verb.name}
            </Button>
          ))}
          {rest.length > 0 && <Menu label={t("drawer.more")} items={rest} onAction={act} />}
        </div>
      )}
      <Tabs ref={tabs} className="dtabs" key={appointment.id} selectedKey={place.tab} onSelectionChange={(tab) => tab !== place.tab && onPlace({ tab: tab as DrawerTab })}>
        <TabList className="dt" aria-label={t("drawer.title")}>
          {DRAWER_TABS.map((name) => (
            <Tab key={name} id={name}>
              {t(`drawer.${name}`)}
            </Tab>
          ))}
        </TabList>
        <TabPanel id="details" className="body">
          <Details appointment={appointment} clock={clock} business={business} onOther={onOther} onEdit={verbs.some((verb) => verb.id === "edit") ? () => act("edit") : null} onSeries={verbs.some((verb) => verb.id === "series") ? () => act("series") : null} />
        </TabPanel>
        <TabPanel id="history" className="body">
          <Suspense fallback={<Waiting />}>
            <HistoryTab appointment={appointment} clock={clock} onOther={onOther} />
          </Suspense>
        </TabPanel>
        <TabPanel id="reminders" className="body">
          <Suspense fallback={<Waiting />}>
            <RemindersTab appointment={appointment} clock={clock} />
          </Suspense>
        </TabPanel>
        <TabPanel id="messages" className="body">
          <Suspense fallback={<Waiting />}>
            <MessagesTab appointment={appointment} clock={clock} />
          </Suspense>
        </TabPanel>
      </Tabs>
      {before !== null && (
        <Suspense fallback={null}>
          <ChangedElsewhere id={appointment.id} before={before} onLook={() => onPlace({ tab: "history" })} onClose={dismiss} />
        </Suspense>
      )}
      {dialog}
    </>
  );
}

const A_MOMENT = 1_000;

/** The version that was shown before somebody else changed what is open; null where nobody did, or it was seen. */
function useChangesOfOthers({ id, version }: Appointment): [number | null, () => void] {
  const shown = useRef({ id, version });
  const [changed, setChanged] = useState<{ id: string; before: number } | null>(null);
  useEffect(() => {
    if (shown.current.id !== id) shown.current = { id, version };
    if (version <= shown.current.version) return;
    // The event of one's own change may come before its answer.
    const timer = setTimeout(() => {
      const before = shown.current.version;
      // What has just come was seen with what came before it, and put away.
      if (version <= before) return;
      shown.current = { id, version };
      setChanged((now) => (isOwnVersion(id, version) ? null : now?.id === id ? now : { id, before }));
    }, A_MOMENT);
    return () => clearTimeout(timer);
  }, [id, version]);
  const dismiss = () => {
    shown.current = { id, version };
    setChanged(null);
  };
  return [changed?.id === id ? changed.before : null, dismiss];
}

/** Gives the focus to the field to write in as soon as it is there: once for each number. */
function useFieldFocus(box: React.RefObject<HTMLElement | null>, asked: number | undefined): void {
  const given = useRef<number | undefined>(undefined);
  // After each drawing: what the field is in may come later than the wish.
  useEffect(() => {
    if (asked === undefined || asked === given.current) return;
    const focus = () => {
      const field = box.current?.querySelector("textarea");
      if (!field) return false;
      given.current = asked;
      field.focus();
      return true;
    };
    const observer = new MutationObserver(() => focus() && observer.disconnect());
    // Not at once: a tab that has the focus hands it on to the one that is chosen now.
    const timer = window.setTimeout(() => {
      if (!focus() && box.current) observer.observe(box.current, { childList: true, subtree: true });
    });
    return () => {
      clearTimeout(timer);
      observer.disconnect();
    };
  });
}

type DetailsProps = { appointment: Appointment; clock: Clock; business: Business | undefined; onOther: (id: string) => void; onEdit: (() => void) | null; onSeries: (() => void) | null };

function Details({ appointment, clock, business, onOther, onEdit, onSeries }: DetailsProps) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useRight("write_appointments") && !["completed", "cancelled", "rescheduled", "no_show", "dismissed"].includes(appointment.status);
  const mayLink = useMayLink();
  // Notes also after it: what was moved has them at its new time.
  const mayNote = useRight("write_appointments") && appointment.status !== "rescheduled";
  const actions = useActions().data ?? [];
  const [error, setError] = useState<unknown>(null);
  /** Whether it is saved. Where it is not, what was typed stays. */
  const save = async (fields: Fields): Promise<boolean> => {
    setError(null);
    try {
      await showOwn(client, await editInPlace(appointment, fields));
      toast(t("saved"));
      return true;
    } catch (failure) {
      setError(failure);
      readRefused(client, appointment.id, failure);
      return false;
    }
  };
  const buffers = [appointment.buffer_before_minutes && t("drawer.before", { time: duration(appointment.buffer_before_minutes, i18n.language) }), appointment.buffer_after_minutes && t("drawer.after", { time: duration(appointment.buffer_after_minutes, i18n.language) })].filter(Boolean);
  return (
    <>
      <Problem error={error} />
      <Suspense fallback={null}>
        <OverrideNote id={appointment.id} />
      </Suspense>
      <dl>
        <dt>{t("field.status")}</dt>
        <dd>
          <StatusPill status={appointment.status} />
          {appointment.archived && <small>{t("filter.archived")}</small>}
          {appointment.cancellation_reason && (
            <small>
              {t("reason")}: <bdi>{appointment.cancellation_reason}</bdi>
            </small>
          )}
        </dd>
        <dt>{t("field.service")}</dt>
        <dd>
          <bdi>{appointment.service_name}</bdi>
          <small>{[duration(appointment.duration_minutes, i18n.language), ...buffers].join(" · ")}</small>
          {onEdit && (
            <Button kind="quiet" onPress={onEdit}>
              {t("correct.open")}
            </Button>
          )}
        </dd>
        <SeatsTaken appointment={appointment} onOther={onOther} />
        <dt>{t("field.staff")}</dt>
        <dd>
          {staffOf(appointment).map((person) => (
            <span className="who" key={person.id}>
              <Avatar name={person.name} />
              <bdi>{person.name}</bdi>
            </span>
          ))}
          {appointment.resources.filter((resource) => resource.kind !== "staff" && resource.kind !== "business").map((resource) => (
            <small key={resource.id}>
              <bdi>{resource.name}</bdi>
            </small>
          ))}
        </dd>
        <dt>{t("field.action")}</dt>
        <dd>
          {mayWrite && actions.length > 0 ? (
            <Select hiddenLabel label={t("field.action")} value={appointment.action_id} placeholder={t("drawer.noAction")} onChange={(id) => void save({ action_id: id })} options={actions.filter((action) => !action.archived || action.id === appointment.action_id)} />
          ) : (
            <bdi>{appointment.action_name ?? "–"}</bdi>
          )}
        </dd>
        <dt>{t("field.source")}</dt>
        <dd>
          {t(`source.${appointment.source}`, { defaultValue: appointment.source })}
          <small>
            {t("drawer.created", { time: clock.dayAndTime(instantOf(appointment.created_at)) })}
            {appointment.origin.kind !== "independent" && ` · ${t(`origin.${appointment.origin.kind}`)} ${appointment.origin.reference_id ?? ""}`}
          </small>
          {appointment.origin.url && /^https?:/.test(appointment.origin.url) && (
            <a href={appointment.origin.url} rel="noreferrer noopener" target="_blank">
              {t("drawer.origin")}
            </a>
          )}
        </dd>
        <dt>{t("drawer.where")}</dt>
        <dd>
          {t(`location.${appointment.location.kind}`)}
          <small>
            <bdi>{appointment.location.text ?? business?.name}</bdi> · {t("zone", { place: clock.place })}
          </small>
        </dd>
        <Price appointment={appointment} currency={business?.currency ?? "EUR"} editable={mayNote} onSave={save} />
        <dt>{t("drawer.shared")}</dt>
        <dd>
          <Checkbox value={appointment.share_with_client} isDisabled={!mayWrite} onChange={(on) => void save({ share_with_client: on })}>
            {t("drawer.share")}
          </Checkbox>
          {mayLink && appointment.share_with_client && <ClientLinks clientId={appointment.client_id} name={appointment.client.name} appointmentId={appointment.id} />}
        </dd>
        {(appointment.rescheduled_from || appointment.rescheduled_to) && (
          <>
            <dt>{t("drawer.chain")}</dt>
            <dd>
              {appointment.previous_starts_at && <small>{t("drawer.was", { time: clock.dayAndTime(instantOf(appointment.previous_starts_at)) })}</small>}
              {appointment.rescheduled_from && <Button kind="quiet" onPress={() => onOther(appointment.rescheduled_from as string)}>{t("drawer.earlier")}</Button>}
              {appointment.rescheduled_to && <Button kind="quiet" onPress={() => onOther(appointment.rescheduled_to as string)}>{t("drawer.later")}</Button>}
            </dd>
          </>
        )}
        {appointment.series_id && (
          <>
            <dt>{t("drawer.series")}</dt>
            <dd>
              <Suspense fallback={<Waiting />}>
                <SeriesDates seriesId={appointment.series_id} current={appointment} clock={clock} onOther={onOther} onChange={onSeries} />
              </Suspense>
            </dd>
          </>
        )}
      </dl>
      <Notes draft={`${appointment.id} notes`} name={t("field.notes")} hint={t("drawer.notesHint")} value={appointment.notes} editable={mayNote} onSave={(notes) => save({ notes })} />
      <Notes draft={`${appointment.id} internal_notes`} name={t("field.internalNotes")} hint={t("neverSeen")} value={appointment.internal_notes} editable={mayNote} onSave={(notes) => save({ internal_notes: notes })} />
    </>
  );
}

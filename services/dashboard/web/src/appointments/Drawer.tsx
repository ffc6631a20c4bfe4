/** One appointment beside the list or calendar: what it is, what can be done, what happened, what was sent. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { type Appointment, type PlainAppointment, edit, staffOf, useAppointment, useAppointmentPages } from "../api/appointments";
import { useActions } from "../api/catalogue";
import { ProblemError } from "../api/client";
import { showOwn } from "../api/follow";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { ClientLinks, useMayLink } from "../clients/ClientLinks";
import { Clock, duration, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Menu } from "../ui/Menu";
import { Waiting } from "../ui/Page";
import { Avatar, StatusPill } from "../ui/Pill";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { CorrectSheet } from "./CorrectSheet";
import { HistoryTab } from "./HistoryTab";
import { MessagesTab, RemindersTab } from "./MessagesTab";
import { useVerbs } from "./useVerbs";

type Props = { id: string; onClose: () => void; onOther: (id: string) => void; full?: boolean };

export function AppointmentDrawer({ id, onClose, onOther, full }: Props) {
  const { t } = useTranslation();
  const { data: appointment, error, isPending } = useAppointment(id);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [id]);
  return (
    <aside className="drawer" aria-label={t("drawer.title")}>
      {appointment ? (
        <Content appointment={appointment} heading={heading} onClose={onClose} onOther={onOther} full={full} />
      ) : (
        <>
          <div className="dh">
            <div className="r1">
              <span className="fill" />
              <Button kind="quiet" icon="x" aria-label={t("close")} onPress={onClose} />
            </div>
          </div>
          {isPending || error ? <Waiting error={error} /> : null}
        </>
      )}
    </aside>
  );
}

function Content({ appointment, heading, onClose, onOther, full }: { appointment: Appointment; heading: React.RefObject<HTMLHeadingElement | null>; onClose: () => void; onOther: (id: string) => void; full?: boolean }) {
  const { t } = useTranslation();
  const { clock: businessClock, businesses } = useBusiness();
  const { verbsOf, start, dialog } = useVerbs();
  const verbs = verbsOf(appointment);
  const now = verbs.filter((verb) => !verb.why);
  const [first, second, third] = now;
  const rest = verbs.filter((verb) => ![first, second, third].includes(verb));
  const clock = new Clock(businessClock.locale, appointment.zone);
  const from = instantOf(appointment.starts_at);
  const business = businesses.find((item) => item.id === appointment.business_id);
  return (
    <>
      <div className="dh">
        <div className="r1">
          <span className="n">
            <bdi>
              {clock.shortDay(from)}, {clock.range(from, instantOf(appointment.ends_at))}
            </bdi>
          </span>
          <span className="fill" />
          {!full && (
            <Link to="/appointments/$id" params={{ id: appointment.id }} className="btn quiet ic" aria-label={t("drawer.full")}>
              ⤢
            </Link>
          )}
          <Button kind="quiet" icon="x" aria-label={t("close")} onPress={onClose} />
        </div>
        <h2 ref={heading} tabIndex={-1}>
          <Link to="/clients/$id" params={{ id: appointment.client_id }}>
            <bdi>{appointment.client.name}</bdi>
          </Link>
        </h2>
        <p>
          {appointment.client.phone && (
            <a href={`tel:${appointment.client.phone}`}>
              <bdi dir="ltr">{appointment.client.phone}</bdi>
            </a>
          )}
          {appointment.client.phone && appointment.client.email && " · "}
          {appointment.client.email && (
            <a href={`mailto:${appointment.client.email}`}>
              <bdi>{appointment.client.email}</bdi>
            </a>
          )}
        </p>
      </div>
      {verbs.length > 0 && (
        <div className="verbs">
          {first && (
            <Button kind="primary" icon={first.icon} onPress={() => start(appointment, first.id)}>
              {first.name}
            </Button>
          )}
          {[second, third].map((verb) => verb && (
            <Button key={verb.id} icon={verb.icon} onPress={() => start(appointment, verb.id)}>
              {verb.name}
            </Button>
          ))}
          {rest.length > 0 && <Menu label={t("drawer.more")} items={rest} onAction={(verb) => start(appointment, verb)} />}
        </div>
      )}
      <Tabs className="dtabs" key={appointment.id}>
        <TabList className="dt" aria-label={t("drawer.title")}>
          {["details", "history", "reminders", "messages"].map((name) => (
            <Tab key={name} id={name}>
              {t(`drawer.${name}`)}
            </Tab>
          ))}
        </TabList>
        <TabPanel id="details" className="body">
          <Details appointment={appointment} clock={clock} businessName={business?.name ?? ""} onOther={onOther} />
        </TabPanel>
        <TabPanel id="history" className="body">
          <HistoryTab appointment={appointment} clock={clock} onOther={onOther} />
        </TabPanel>
        <TabPanel id="reminders" className="body">
          <RemindersTab appointment={appointment} clock={clock} />
        </TabPanel>
        <TabPanel id="messages" className="body">
          <MessagesTab appointment={appointment} clock={clock} />
        </TabPanel>
      </Tabs>
      {dialog}
    </>
  );
}

function Details({ appointment, clock, businessName, onOther }: { appointment: Appointment; clock: Clock; businessName: string; onOther: (id: string) => void }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useRight("write_appointments") && !["completed", "cancelled", "rescheduled", "no_show", "dismissed"].includes(appointment.status);
  const mayLink = useMayLink();
  // Notes also after it: what was moved has them at its new time.
  const mayNote = useRight("write_appointments") && appointment.status !== "rescheduled";
  const actions = useActions().data ?? [];
  const [error, setError] = useState<unknown>(null);
  const [correcting, setCorrecting] = useState(false);
  const money = (price: PlainAppointment["quoted_price"]) => price && new Intl.NumberFormat(i18n.language, { style: "currency", currency: price.currency }).format(Number(price.amount));
  const save = async (body: Record<string, unknown>) => {
    setError(null);
    try {
      await showOwn(client, await edit(appointment, body));
      toast(t("saved"));
    } catch (failure) {
      setError(failure);
      if (failure instanceof ProblemError && failure.problem.status === 412) void client.invalidateQueries({ queryKey: ["appointments", "single", appointment.id] });
    }
  };
  const buffers = [appointment.buffer_before_minutes && t("drawer.before", { time: duration(appointment.buffer_before_minutes, i18n.language) }), appointment.buffer_after_minutes && t("drawer.after", { time: duration(appointment.buffer_after_minutes, i18n.language) })].filter(Boolean);
  return (
    <>
      <Problem error={error} />
      {correcting && <CorrectSheet appointment={appointment} onClose={() => setCorrecting(false)} />}
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
          {mayWrite && appointment.verbs.includes("update") && (
            <Button kind="quiet" onPress={() => setCorrecting(true)}>
              {t("correct.open")}
            </Button>
          )}
        </dd>
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
            <bdi>{appointment.location.text ?? businessName}</bdi> · {t("zone", { place: clock.place })}
          </small>
        </dd>
        {(appointment.quoted_price || appointment.actual_price) && (
          <>
            <dt>{t("field.price")}</dt>
            <dd>
              {appointment.actual_price ? money(appointment.actual_price) : money(appointment.quoted_price)}
              {appointment.actual_price && appointment.quoted_price && <small>{t("drawer.quoted", { price: money(appointment.quoted_price) })}</small>}
            </dd>
          </>
        )}
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
              <SeriesDates seriesId={appointment.series_id} current={appointment.id} clock={clock} onOther={onOther} />
            </dd>
          </>
        )}
      </dl>
      <Notes name={t("field.notes")} hint={t("drawer.notesHint")} value={appointment.notes} editable={mayNote} onSave={(notes) => save({ notes })} />
      <Notes name={t("field.internalNotes")} hint={t("neverSeen")} value={appointment.internal_notes} editable={mayNote} onSave={(notes) => save({ internal_notes: notes })} />
    </>
  );
}

/** Text edited where it stands. What another desk writes meanwhile does not replace what is being typed. */
function Notes({ name, hint, value, editable, onSave }: { name: string; hint: string; value: string | null; editable: boolean; onSave: (text: string | null) => Promise<void> }) {
  const { t } = useTranslation();
  const [text, setText] = useState<string | null>(null);
  if (!editable) return value ? (<><h3>{name}</h3><p className="notes"><bdi>{value}</bdi></p></>) : null;
  const shown = text ?? value ?? "";
  return (
    <div className="notes-edit">
      <TextField label={name} value={shown} onChange={setText} lines={2} maxLength={10_000} hint={hint} />
      {text !== null && text !== (value ?? "") && (
        <div className="row">
          <Button kind="primary" onPress={() => void onSave(text.trim() || null).then(() => setText(null))}>
            {t("save")}
          </Button>
          <Button onPress={() => setText(null)}>{t("back")}</Button>
        </div>
      )}
    </div>
  );
}

function SeriesDates({ seriesId, current, clock, onOther }: { seriesId: string; current: string; clock: Clock; onOther: (id: string) => void }) {
  const dates = useAppointmentPages({ series_id: seriesId }, "starts_at");
  const items = dates.data?.pages[0]?.items ?? [];
  return (
    <ul className="dates-list">
      {items.slice(0, 12).map((item) => (
        <li key={item.id}>
          {item.id === current ? (
            <b>{clock.dayAndTime(instantOf(item.starts_at))}</b>
          ) : (
            <button type="button" className="link" onClick={() => onOther(item.id)}>
              {clock.dayAndTime(instantOf(item.starts_at))}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, type HistoryEntry, type PlainAppointment, useHistory } from "../api/appointments";
import { useResources } from "../api/catalogue";
import { ask } from "../api/client";
import { isId, useNames } from "../api/names";
import type { components } from "../api/schema/booking";
import { ICON } from "../messages/Thread";
import { numbers } from "../numbers";
import { type Clock, instantOf, isoOf } from "../time";
import { Icon } from "../ui/Icon";
import { Waiting } from "../ui/Page";
import { StatusPill } from "../ui/Pill";
import { Problem } from "../ui/Problem";
import { changesOf, type Fields, timelineOf } from "./changes";
import { sayOverride } from "./override";

const LINKS = new Set(["rescheduled_to", "rescheduled_from"]);
const MONEY = new Set(["quoted_price", "actual_price"]);
const INSTANTS = new Set(["starts_at", "ends_at", "previous_starts_at"]);

/** Newest first: who, what, from what to what, and in which call; and the appointment as it was known then. */
export function HistoryTab({ appointment, clock, onOther }: { appointment: Appointment; clock: Clock; onOther: (id: string) => void }) {
  const { t } = useTranslation();
  const { data, error, isPending } = useHistory(appointment.id);
  const names = useNames(idsOf(data?.items ?? []));
  const [known, setKnown] = useState<PlainAppointment | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  if (isPending || error) return <Waiting error={error} rows={4} />;
  const asOf = async (at: string) => {
    try {
      setKnown(await ask<PlainAppointment>("booking", `/appointments/${appointment.id}`, { query: { as_of: isoOf(instantOf(at) + 999) } }));
    } catch (problem) {
      setFailure(problem);
    }
  };
  return (
    <>
      <Problem error={failure} />
      {known && (
        <div className="asof" role="status">
          <b>{t("history.asOf")}</b> <StatusPill status={known.status} />
          <p>
            <bdi>{clock.dayAndTime(instantOf(known.starts_at))}</bdi> · <bdi>{known.service_name}</bdi> · <bdi>{known.resources.map((resource) => resource.name).join(", ")}</bdi>
          </p>
          <button type="button" className="link" onClick={() => setKnown(null)}>
            {t("history.now")}
          </button>
        </div>
      )}
      <ol className="history">
        {timelineOf(data.items, data.messages).map((told) =>
          told.kind === "entry" ? (
            <Entry key={told.entry.version} entry={told.entry} names={names} clock={clock} onAsOf={() => void asOf(told.entry.at)} onOther={onOther} />
          ) : (
            <Sent key={told.message.message_id} message={told.message} at={told.at} clock={clock} />
          ),
        )}
      </ol>
    </>
  );
}

/** Whose names are asked for: a client's comes by a way of its own. */
export const idsOf = (entries: readonly HistoryEntry[]) => entries.flatMap(({ actor }) => (actor.type === "client" ? [] : [actor.id, actor.on_behalf_of]));

/** A message among what happened, with what became of it last. */
function Sent({ message, at, clock }: { message: components["schemas"]["MessageHistoryOut"]; at: string; clock: Clock }) {
  const { t } = useTranslation();
  const outcome = message.outcomes.at(-1)?.outcome ?? "planned";
  return (
    <li className="sent">
      <div className="r1">
        <b>{t(`message.${message.kind}`, { defaultValue: message.kind })}</b>
        <span className="fill" />
        <time dateTime={at}>{clock.dayAndTime(instantOf(at))}</time>
      </div>
      <small>
        <Icon name={ICON[message.channel] ?? "msg"} /> {t(`channel.${message.channel}`, { defaultValue: message.channel })} · {t(`outcome.${outcome}`, { defaultValue: outcome })}
      </small>
    </li>
  );
}

const sayMoney = ([amount, currency]: readonly [string, string], language: string): string => numbers(language, { style: "currency", currency }).format(Number(amount));

const sayPlace = ([kind, ...more]: readonly (string | null)[], t: TFunction): string => [t(`location.${kind}`), ...more.filter(Boolean)].join(" · ");

function Entry({ entry, names, clock, onAsOf, onOther }: { entry: HistoryEntry; names: ReadonlyMap<string, string>; clock: Clock; onAsOf: () => void; onOther: (id: string) => void }) {
  const { t, i18n } = useTranslation();
  const resources = useResources().data ?? [];
  const fields = entry.fields as Fields;
  // Why it was cancelled is quoted above.
  const changes = changesOf(fields).filter(([name, { new: value }]) => name !== "cancellation_reason" || value !== entry.reason);
  const say = (name: string, value: unknown): string => {
    if (value === null || value === undefined || value === "") return "–";
    if (INSTANTS.has(name)) return clock.dayAndTime(instantOf(String(value)));
    if (name === "status") return t(`status.${value}`, { defaultValue: String(value) });
    if (MONEY.has(name)) return sayMoney(value as [string, string], i18n.language);
    if (name === "location") return sayPlace(value as (string | null)[], t);
    if (typeof value === "boolean") return t(value ? "yes" : "no");
    if (Array.isArray(value)) return value.map((item) => resources.find((resource) => resource.id === item)?.name ?? String(item)).join(", ");
    return String(value);
  };
  const link = Object.entries(fields).find(([name, { new: value }]) => LINKS.has(name) && typeof value === "string")?.[1].new;
  return (
    <li>
      <div className="r1">
        <b>{t(`verb.past.${entry.verb.replaceAll("-", "_")}`, { defaultValue: entry.verb })}</b>
        <span className="fill" />
        <time dateTime={entry.at}>{clock.dayAndTime(instantOf(entry.at))}</time>
      </div>
      <small>
        <Who actor={entry.actor} names={names} />
        {entry.actor.call_id && (
          <>
            {" "}
            · {t("history.call")} <bdi dir="ltr">{entry.actor.call_id}</bdi>
          </>
        )}
      </small>
      {entry.reason && (
        <p>
          <q dir="auto">{entry.reason}</q>
        </p>
      )}
      {typeof entry.tell_client === "boolean" && <p>{t(entry.tell_client ? "calendar.told" : "calendar.notTold")}</p>}
      {entry.override && <p className="amber">{sayOverride(t, entry.override)}</p>}
      {changes.length > 0 && (
        <dl>
          {changes.map(([name, { old, new: value }]) => (
            <div key={name}>
              <dt>{t(`history.field.${name}`, { defaultValue: name.replaceAll("_", " ") })}</dt>
              <dd>
                <del>
                  <bdi>{name === "client_id" ? <ClientName id={String(old)} /> : say(name, old)}</bdi>
                </del>{" "}
                →{" "}
                <bdi>{name === "client_id" ? <ClientName id={String(value)} /> : say(name, value)}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      )}
      <div className="row">
        <button type="button" className="link" onClick={onAsOf}>
          {t("history.show")}
        </button>
        {typeof link === "string" && (
          <button type="button" className="link" onClick={() => onOther(link)}>
            {t("history.other")}
          </button>
        )}
      </div>
    </li>
  );
}

/** An id says nothing to people: who is no longer here is told by what they were. */
export function Who({ actor, names }: { actor: HistoryEntry["actor"]; names: ReadonlyMap<string, string> }) {
  const { t } = useTranslation();
  const called = (id: string) => names.get(id) ?? (isId(id) ? null : id);
  const own = actor.type === "client" ? <ClientName id={actor.id} /> : called(actor.id);
  const behalf = actor.on_behalf_of && actor.on_behalf_of !== actor.id && called(actor.on_behalf_of);
  return (
    <>
      {t(`actor.${actor.type}`, { defaultValue: actor.type })} {own && <bdi>{own}</bdi>}
      {behalf && (
        <>
          {" "}
          · <bdi>{behalf}</bdi>
        </>
      )}
    </>
  );
}

/** Nobody, of a client who was erased. */
function ClientName({ id }: { id: string }) {
  const { data } = useQuery({ queryKey: ["clients", "single", id], queryFn: () => ask<components["schemas"]["ClientOut"]>("booking", `/clients/${id}`), retry: false });
  return data ? (
    <Link to="/clients/$id" params={{ id }}>
      {data.name}
    </Link>
  ) : (
    "–"
  );
}

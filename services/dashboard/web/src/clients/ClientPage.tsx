import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAppointmentPages, useCounts } from "../api/appointments";
import { ask } from "../api/client";
import type { components } from "../api/schema/booking";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { Thread } from "../messages/Thread";
import { Writer } from "../messages/Writer";
import { Clock, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select } from "../ui/fields";
import { Menu } from "../ui/Menu";
import { Page, Waiting } from "../ui/Page";
import { StatusPill } from "../ui/Pill";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { toast } from "../ui/toasts";
import { ClientLinks, useMayLink } from "./ClientLinks";
import { ClientPicker, type Picked } from "./ClientPicker";
import { ClientSheet } from "./ClientSheet";
import type { Client } from "./ClientsPage";
import { addressOf, type ClientPreferences, changeChannel, keyOf } from "./channelChanges";

type Detail = components["schemas"]["ClientPageOut"];

export function ClientPage() {
  const { t } = useTranslation();
  const { id } = useParams({ from: "/clients/$id" });
  const navigate = useNavigate();
  const { clock } = useBusiness();
  const detail = useQuery({ queryKey: ["clients", "single", "full", id], queryFn: () => ask<Detail>("booking", `/clients/${id}`) });
  const appointments = useAppointmentPages({ client_id: id }, "-starts_at");
  const counts = useCounts({ client_id: id });
  const mayWrite = useRight("write_clients");
  const mayErase = useRight("erase_clients");
  const mayBook = useRight("book");
  const mayLink = useMayLink();
  const [open, setOpen] = useState<"edit" | "merge" | "erase" | null>(null);
  const client = detail.data;
  if (!client) return <Waiting error={detail.error} />;
  const nearest = client.nearest_appointment;
  const rare = [...(mayWrite ? [{ id: "merge", name: t("clients.merge") }] : []), ...(mayErase ? [{ id: "erase", name: t("clients.erase"), danger: true }] : [])];
  // A message is about an appointment: the nearest one, else the last.
  const rows = appointments.data?.pages.flatMap((page) => page.items) ?? [];
  const about = nearest ? (rows.find((row) => row.id === nearest.id) ?? { id: nearest.id, business_id: undefined }) : rows[0];
  return (
    <Page
      title={client.name}
      actions={
        <>
          <span className="fill" />
          {mayWrite && <Button icon="edit" onPress={() => setOpen("edit")}>{t("edit")}</Button>}
          {rare.length > 0 && <Menu label={t("list.more", { label: client.name })} items={rare} onAction={(id) => setOpen(id === "merge" ? "merge" : "erase")} />}
          {mayBook && <Button kind="primary" icon="plus" onPress={() => void navigate({ to: "/appointments/new", search: { client: id } })}>{t("new.short")}</Button>}
        </>
      }
    >
      <div className="scroll pad">
        {client.merged_into && (
          <p className="amber">
            <Link to="/clients/$id" params={{ id: client.merged_into }}>{t("clients.merged")}</Link>
          </p>
        )}
        <p className="lead">
          {client.phone && <a href={`tel:${client.phone}`}><bdi dir="ltr">{client.phone}</bdi></a>} {client.email && <a href={`mailto:${client.email}`}><bdi>{client.email}</bdi></a>}
        </p>
        <section className="panel">
          <h2>{t("clients.nearest")}</h2>
          {nearest ? (
            <p>
              <Link to="/appointments/$id" params={{ id: nearest.id }}>
                <b>{new Clock(clock.locale, nearest.zone).dayAndTime(instantOf(nearest.starts_at))}</b>
              </Link>{" "}
              · <bdi>{nearest.service_name}</bdi> · {t("zone", { place: new Clock(clock.locale, nearest.zone).place })}
            </p>
          ) : (
            <p className="soft">{t("clients.noNearest")}</p>
          )}
        </section>
        <Preferences clientId={id} />
        {mayLink && (
          <section className="panel">
            <h2>{t("links.title")}</h2>
            <p className="soft">{t("links.hint")}</p>
            <ClientLinks clientId={id} name={client.name} />
          </section>
        )}
        <h2>
          {t("nav.appointments")} <small className="soft">{counts.data?.total}</small>
        </h2>
        <p className="chips">
          {Object.entries(counts.data?.by_status ?? {}).map(([status, count]) => (
            <Link key={status} className="chip" to="/appointments" search={{ client: [id], period: "all", status: [status as "pending"] }}>
              {t(`status.${status}`, { defaultValue: status })} <b>{count}</b>
            </Link>
          ))}
        </p>
        <Problem error={appointments.error ?? counts.error} />
        <ul className="people-list">
          {rows.map((item) => (
            <li key={item.id}>
              <Link to="/appointments/$id" params={{ id: item.id }}>
                <span>
                  <b>{new Clock(clock.locale, item.zone).dayAndTime(instantOf(item.starts_at))}</b>
                  <small><bdi>{item.service_name}</bdi></small>
                </span>
                <StatusPill status={item.status} />
              </Link>
            </li>
          ))}
        </ul>
        {appointments.hasNextPage && <Button onPress={() => appointments.fetchNextPage()}>{t("more")}</Button>}
        <section className="panel">
          <h2>{t("nav.messages")}</h2>
          <Thread about={{ client_id: id }} clock={clock} most={20} />
          {about && <Writer about={id} appointmentId={about.id} businessId={about.business_id} />}
        </section>
      </div>
      {open === "edit" && <ClientSheet client={client} onClose={() => setOpen(null)} onDone={() => setOpen(null)} />}
      {open === "merge" && <MergeSheet client={client} onClose={() => setOpen(null)} />}
      {open === "erase" && <EraseSheet client={client} onClose={() => setOpen(null)} />}
    </Page>
  );
}

function Preferences({ clientId }: { clientId: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const mayWrite = useRight("write_clients");
  const { data, error: unread } = useQuery({ queryKey: keyOf(clientId), queryFn: () => ask<ClientPreferences>("notifications", addressOf(clientId)) });
  const [error, setError] = useState<unknown>(null);
  if (!data) return <Problem error={unread} />;
  const out = Object.keys(data.opted_out);
  const change = (channel: string, on: boolean) => {
    setError(null);
    void changeChannel(queries, clientId, channel, on).catch(setError);
  };
  return (
    <section className="panel">
      <h2>{t("clients.preferences")}</h2>
      <Problem error={error} />
      <div className="row">
        {["email", "sms", "voice", "push"].map((channel) => (
          <Checkbox key={channel} value={!out.includes(channel)} isDisabled={!mayWrite} onChange={(on) => change(channel, on)}>
            {t(`channel.${channel}`)}
          </Checkbox>
        ))}
      </div>
      {data.stopped.sms && <p className="hint">{t("clients.stopped")}</p>}
      {data.unsubscribed_at && <p className="hint">{t("clients.unsubscribed")}</p>}
    </section>
  );
}

function MergeSheet({ client, onClose }: { client: Client; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [into, setInto] = useState<Picked>({ id: null, text: "" });
  const [error, setError] = useState<unknown>(null);
  const merge = async () => {
    try {
      await ask("booking", `/clients/${client.id}/merge`, { method: "POST", version: client.version, body: { into: into.id } });
      await queries.invalidateQueries();
      toast(t("clients.mergedDone"));
      void navigate({ to: "/clients/$id", params: { id: into.id as string } });
      onClose();
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Sheet title={t("clients.mergeTitle", { name: client.name })} onClose={onClose} footer={<><Button onPress={onClose}>{t("back")}</Button><Button kind="primary" isDisabled={!into.id} onPress={() => merge()}>{t("clients.merge")}</Button></>}>
      <Problem error={error} />
      <p>{t("clients.mergeHint")}</p>
      <ClientPicker label={t("clients.mergeInto")} value={into} onChange={setInto} without={client.id} />
    </Sheet>
  );
}

function EraseSheet({ client, onClose }: { client: Client; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [openOnes, setOpenOnes] = useState("refuse");
  const [sure, setSure] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const erase = async () => {
    try {
      await ask("booking", `/clients/${client.id}/erase`, { method: "POST", version: client.version, body: { open_appointments: openOnes } });
      await queries.invalidateQueries();
      toast(t("clients.erased"));
      void navigate({ to: "/clients" });
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Sheet title={t("clients.eraseTitle", { name: client.name })} onClose={onClose} footer={<><Button onPress={onClose}>{t("cancel.keep", { count: 1 })}</Button><Button kind="danger" isDisabled={!sure} onPress={() => erase()}>{t("clients.erase")}</Button></>}>
      <Problem error={error} />
      <p>{t("clients.eraseHint")}</p>
      <Select label={t("clients.openOnes")} value={openOnes} onChange={setOpenOnes} options={[{ id: "refuse", name: t("clients.refuse") }, { id: "cancel", name: t("clients.cancelFirst") }]} />
      <Checkbox value={sure} onChange={setSure}>{t("clients.sure")}</Checkbox>
    </Sheet>
  );
}

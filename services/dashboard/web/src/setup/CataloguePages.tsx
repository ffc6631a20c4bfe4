/** Services, staff, actions: lists one can add to and change. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Action, type Resource, type Service, useActions, useResources, useServices } from "../api/catalogue";
import { changedFields, changedTwice, type Fields } from "../api/changes";
import { ask } from "../api/client";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { duration } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Empty, Page, Waiting } from "../ui/Page";
import { Avatar } from "../ui/Pill";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { toast } from "../ui/toasts";

type Row = { id: string; version: number; archived: boolean };

/** As it is by now: a sheet stays open while colleagues save. */
const newestOf = <T extends Row>(rows: readonly T[], seen: T): T => rows.find((row) => row.id === seen.id) ?? seen;

/** Saves a new or a changed thing of the catalogue, on the version that is the newest here; the sheet shows what was wrong. */
function useSave(kind: "services" | "resources" | "actions", onDone: () => void) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const save = async (known: Row | null, body: Fields) => {
    setError(null);
    try {
      await ask("booking", known ? `/${kind}/${known.id}` : `/${kind}`, { method: known ? "PATCH" : "POST", version: known?.version, body });
      await queries.invalidateQueries({ queryKey: [kind] });
      void queries.invalidateQueries({ queryKey: ["calendar"] });
      toast(t("saved"));
      onDone();
    } catch (failure) {
      setError(failure);
      // Where somebody was faster, theirs is to be had: these lists are kept for minutes.
      await queries.invalidateQueries({ queryKey: [kind] });
    }
  };
  return { save, error };
}

/** What is sent of a known thing: only what was changed here. `theirs`: what was changed here and elsewhere, as it is there. */
function useChanges<T extends Fields>(known: Row | null, now: T, typed: T): { body: Fields; theirs: Partial<T> } {
  const [begun] = useState(now);
  if (!known) return { body: Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== null)), theirs: {} };
  return { body: changedFields(begun, typed), theirs: Object.fromEntries(changedTwice(begun, typed, now).map((name) => [name, now[name]])) as Partial<T> };
}

/** As they are read; what can only be looked at elsewhere, such as who performs a service, is a dash. */
function Theirs({ fields, nameOf }: { fields: Fields; nameOf: (field: string) => string }) {
  const { t } = useTranslation();
  if (!Object.keys(fields).length) return null;
  const said = (value: unknown) => (typeof value === "boolean" ? t(value ? "yes" : "no") : typeof value === "string" || typeof value === "number" ? String(value) : "–");
  return (
    <div className="theirs" role="status">
      <small>{t("drawer.theirs")}</small>
      {Object.entries(fields).map(([field, value]) => <p key={field}>{nameOf(field)}: <bdi>{said(value)}</bdi></p>)}
    </div>
  );
}

function Editor({ title, known, error, ready, onSave, onArchive, onClose, children }: { title: string; known: Row | null; error: unknown; ready: boolean; onSave: () => Promise<void>; onArchive: () => Promise<unknown>; onClose: () => void; children: React.ReactNode }) {
  const { t } = useTranslation();
  return (
    <Sheet
      title={title}
      wide
      onClose={onClose}
      footer={
        <>
          {known && <Button kind="quiet" onPress={onArchive}>{t(known.archived ? "verb.unarchive" : "verb.archive")}</Button>}
          <span className="fill" />
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="primary" isDisabled={!ready} onPress={onSave}>{t("save")}</Button>
        </>
      }
    >
      <Problem error={error} />
      <div className="stack">{children}</div>
    </Sheet>
  );
}

export function ServicesPage() {
  const { t, i18n } = useTranslation();
  const { business } = useBusiness();
  const services = useServices();
  const mayWrite = useRight("write_catalogue");
  const [editing, setEditing] = useState<Service | "new" | null>(null);
  const own = (services.data ?? []).filter((service) => service.business_id === business?.id);
  return (
    <Page title={t("nav.services")} actions={<><span className="fill" /><Link className="link" to="/waiting-list">{t("nav.waiting")}</Link>{mayWrite && <Button kind="primary" icon="plus" onPress={() => setEditing("new")}>{t("services.add")}</Button>}</>}>
      <div className="scroll pad">
        {!services.data ? <Waiting error={services.error} /> : !own.length ? <Empty title={t("services.none")} /> : (
          <ul className="people-list">
            {own.map((service) => (
              <li key={service.id} className={service.archived ? "off" : ""}>
                <button type="button" onClick={() => setEditing(service)} disabled={!mayWrite}>
                  <span>
                    <b><bdi>{service.name}</bdi></b>
                    <small>{[duration(service.duration_minutes, i18n.language), service.capacity > 1 && t("services.seats", { count: service.capacity }), service.price && new Intl.NumberFormat(i18n.language, { style: "currency", currency: service.price.currency }).format(Number(service.price.amount)), service.needs_approval && t("services.approval"), service.archived && t("filter.archived")].filter(Boolean).join(" · ")}</small>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
      {editing && <ServiceSheet known={editing === "new" ? null : newestOf(own, editing)} onClose={() => setEditing(null)} />}
    </Page>
  );
}

const NUMBERS = ["duration_minutes", "buffer_before_minutes", "buffer_after_minutes", "slot_interval_minutes", "capacity", "minimum_notice_minutes", "booking_window_days", "cancellation_notice_minutes", "reschedule_notice_minutes", "max_reschedules"] as const;
const FLAGS = ["needs_approval", "client_confirms", "public_booking"] as const;
/** Left empty, they stay as they are. */
const CLEARABLE: readonly string[] = ["booking_window_days", "max_reschedules"];

const serviceFields = (service: Service | null): Fields => ({
  name: service?.name ?? "",
  ...Object.fromEntries(NUMBERS.map((field) => [field, service?.[field] ?? null])),
  ...Object.fromEntries(FLAGS.map((flag) => [flag, service?.[flag] ?? false])),
  price: service?.price?.amount ?? null,
  requires: service?.requires ?? [],
});

function ServiceSheet({ known, onClose }: { known: Service | null; onClose: () => void }) {
  const { t } = useTranslation();
  const { business } = useBusiness();
  const { save, error } = useSave("services", onClose);
  const resources = (useResources().data ?? []).filter((resource) => !resource.archived && business && resource.business_ids.includes(business.id));
  const [name, setName] = useState(known?.name ?? "");
  const [numbers, setNumbers] = useState<Record<string, string>>(() => Object.fromEntries(NUMBERS.map((field) => [field, known?.[field] === null || known?.[field] === undefined ? (field === "duration_minutes" && !known ? "30" : "") : String(known[field])])));
  const [flags, setFlags] = useState<Record<string, boolean>>(() => Object.fromEntries(FLAGS.map((flag) => [flag, known?.[flag] ?? false])));
  const [price, setPrice] = useState(known?.price?.amount ?? "");
  const [requires, setRequires] = useState<string[][]>(known?.requires ?? []);
  const currency = known?.price?.currency ?? business?.currency ?? "EUR";
  const now = serviceFields(known);
  const typed = {
    name: name.trim(),
    ...Object.fromEntries(NUMBERS.map((field) => [field, numbers[field]?.trim() ? Number(numbers[field]) : CLEARABLE.includes(field) ? null : now[field]])),
    ...flags,
    price: price.trim().replace(",", ".") || null,
    requires,
  };
  const changes = useChanges(known, now, typed);
  const body = {
    ...changes.body,
    ...(changes.body.price ? { price: { amount: changes.body.price, currency } } : {}),
    ...(known ? {} : { business_id: business?.id }),
  };
  const nameOf = (field: string) => (field === "name" ? t("field.name") : field === "price" ? t("new.price", { currency }) : field === "requires" ? t("services.requires") : t(`services.field.${field}`));
  return (
    <Editor title={known?.name ?? t("services.add")} known={known} error={error} ready={name.trim() !== "" && Number(numbers.duration_minutes) > 0} onClose={onClose} onSave={() => save(known, body)} onArchive={async () => known && save(known, { archived: !known.archived })}>
      <Theirs fields={changes.theirs} nameOf={nameOf} />
      <TextField label={t("field.name")} value={name} onChange={setName} isRequired autoFocus maxLength={200} />
      <div className="three">
        {NUMBERS.map((field) => (
          <TextField key={field} label={t(`services.field.${field}`)} type="number" value={numbers[field] ?? ""} onChange={(value) => setNumbers((all) => ({ ...all, [field]: value }))} isRequired={field === "duration_minutes"} />
        ))}
        <TextField label={t("new.price", { currency })} value={price} onChange={setPrice} />
      </div>
      <div className="row">
        {FLAGS.map((flag) => <Checkbox key={flag} value={flags[flag] ?? false} onChange={(on) => setFlags((all) => ({ ...all, [flag]: on }))}>{t(`services.field.${flag}`)}</Checkbox>)}
      </div>
      <fieldset className="columns">
        <legend>{t("services.requires")}</legend>
        <p className="hint">{t("services.requiresHint")}</p>
        {[...requires, []].map((place, index) => (
          <div className="row place" key={index}>
            <b>{t("services.place", { number: index + 1 })}</b>
            {resources.map((resource) => (
              <Checkbox key={resource.id} value={place.includes(resource.id)} onChange={(on) => setRequires([...requires, []].map((ids, other) => (other === index ? (on ? [...ids, resource.id] : ids.filter((id) => id !== resource.id)) : ids)).filter((ids) => ids.length))}>
                <bdi>{resource.name}</bdi>
              </Checkbox>
            ))}
          </div>
        ))}
      </fieldset>
    </Editor>
  );
}

export function StaffPage() {
  const { t } = useTranslation();
  const { business } = useBusiness();
  const resources = useResources();
  const mayWrite = useRight("write_catalogue");
  const [editing, setEditing] = useState<Resource | "new" | null>(null);
  const own = (resources.data ?? []).filter((resource) => resource.kind !== "business" && business && resource.business_ids.includes(business.id));
  return (
    <Page title={t("nav.staff")} actions={<><span className="fill" />{mayWrite && <Button kind="primary" icon="plus" onPress={() => setEditing("new")}>{t("staff.add")}</Button>}</>}>
      <div className="scroll pad">
        {!resources.data ? <Waiting error={resources.error} /> : !own.length ? <Empty title={t("staff.none")} /> : (
          <ul className="people-list">
            {own.map((resource) => (
              <li key={resource.id} className={resource.archived ? "off" : ""}>
                <button type="button" onClick={() => setEditing(resource)} disabled={!mayWrite}>
                  <Avatar name={resource.name} />
                  <span>
                    <b><bdi>{resource.name}</bdi></b>
                    <small>{t(`kind.${resource.kind}`)} <bdi>{resource.email}</bdi></small>
                  </span>
                </button>
                <Link className="btn" to="/availability/$resource" params={{ resource: resource.id }}>{t("nav.availability")}</Link>
              </li>
            ))}
          </ul>
        )}
      </div>
      {editing && <StaffSheet known={editing === "new" ? null : newestOf(own, editing)} onClose={() => setEditing(null)} />}
    </Page>
  );
}

const staffFields = (resource: Resource | null): Fields => ({ name: resource?.name ?? "", business_ids: resource?.business_ids ?? [], email: resource?.email ?? null, phone: resource?.phone ?? null, kind: resource?.kind ?? "staff" });

function StaffSheet({ known, onClose }: { known: Resource | null; onClose: () => void }) {
  const { t } = useTranslation();
  const { business, businesses } = useBusiness();
  const { save, error } = useSave("resources", onClose);
  const [name, setName] = useState(known?.name ?? "");
  const [kind, setKind] = useState<string>(known?.kind ?? "staff");
  const [email, setEmail] = useState(known?.email ?? "");
  const [phone, setPhone] = useState(known?.phone ?? "");
  const [places, setPlaces] = useState<readonly string[]>(known?.business_ids ?? (business ? [business.id] : []));
  const { body, theirs } = useChanges(known, staffFields(known), { name: name.trim(), business_ids: places, email: email.trim() || null, phone: phone.trim() || null, kind });
  const nameOf = (field: string) => (field === "business_ids" ? t("filter.business") : t(`field.${field}`));
  return (
    <Editor title={known?.name ?? t("staff.add")} known={known} error={error} ready={name.trim() !== "" && places.length > 0} onClose={onClose} onSave={() => save(known, body)} onArchive={async () => known && save(known, { archived: !known.archived })}>
      <Theirs fields={theirs} nameOf={nameOf} />
      <TextField label={t("field.name")} value={name} onChange={setName} isRequired autoFocus maxLength={200} />
      <Select label={t("staff.kind")} value={kind} onChange={setKind} isDisabled={known !== null} options={["staff", "room", "equipment"].map((id) => ({ id, name: t(`kind.${id}`) }))} />
      <div className="two">
        <TextField label={t("field.email")} type="email" value={email} onChange={setEmail} />
        <TextField label={t("field.phone")} type="tel" value={phone} onChange={setPhone} />
      </div>
      <fieldset className="columns">
        <legend>{t("filter.business")}</legend>
        {businesses.map((item) => <Checkbox key={item.id} value={places.includes(item.id)} onChange={(on) => setPlaces(on ? [...places, item.id] : places.filter((id) => id !== item.id))}><bdi>{item.name}</bdi></Checkbox>)}
      </fieldset>
    </Editor>
  );
}

export function ActionsPage() {
  const { t } = useTranslation();
  const actions = useActions();
  const mayWrite = useRight("write_catalogue");
  const [editing, setEditing] = useState<Action | "new" | null>(null);
  return (
    <Page title={t("nav.actions")} actions={<><span className="fill" />{mayWrite && <Button kind="primary" icon="plus" onPress={() => setEditing("new")}>{t("actions.add")}</Button>}</>}>
      <div className="scroll pad">
        {!actions.data ? <Waiting error={actions.error} /> : !actions.data.length ? <Empty title={t("actions.none")} /> : (
          <ul className="people-list">
            {actions.data.map((action) => (
              <li key={action.id} className={action.archived ? "off" : ""}>
                <button type="button" onClick={() => setEditing(action)} disabled={!mayWrite}><b><bdi>{action.name}</bdi></b></button>
              </li>
            ))}
          </ul>
        )}
      </div>
      {editing && <ActionSheet known={editing === "new" ? null : newestOf(actions.data ?? [], editing)} position={actions.data?.length ?? 0} onClose={() => setEditing(null)} />}
    </Page>
  );
}

function ActionSheet({ known, position, onClose }: { known: Action | null; position: number; onClose: () => void }) {
  const { t } = useTranslation();
  const { save, error } = useSave("actions", onClose);
  const [name, setName] = useState(known?.name ?? "");
  const { body, theirs } = useChanges(known, { name: known?.name ?? "" }, { name: name.trim() });
  return (
    <Editor title={known?.name ?? t("actions.add")} known={known} error={error} ready={name.trim() !== ""} onClose={onClose} onSave={() => save(known, known ? body : { ...body, position })} onArchive={async () => known && save(known, { archived: !known.archived })}>
      <Theirs fields={theirs} nameOf={() => t("field.name")} />
      <TextField label={t("field.name")} value={name} onChange={setName} isRequired autoFocus maxLength={200} />
    </Editor>
  );
}

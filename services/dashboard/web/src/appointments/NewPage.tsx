/** A new appointment: who and what on one side, when on the other. The chosen time is held while the rest is typed. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { PlainAppointment } from "../api/appointments";
import { useActions, useResources, useServices } from "../api/catalogue";
import { type Answer, ask, ProblemError, send, addressOf } from "../api/client";
import { showOwn } from "../api/follow";
import type { components } from "../api/schema/booking";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { optionOf, useFoundClients } from "../clients/ClientPicker";
import { giveReminders, type NewReminder } from "../messages/reminders";
import { type Instant, MINUTE, countdown, dayOf, duration, instantOf, isoOf, now } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, ComboBox, Select, TextField } from "../ui/fields";
import { Empty, Page, Waiting } from "../ui/Page";
import { NamedBy, Problem, sayError, sayReason } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { FirstBusiness } from "../setup/Businesses";
import { Repeat } from "./Repeat";
import { type Rule, conflictBody, isWhole, ruleBody } from "./recurrence";
import { SeriesProblem, SeriesReport } from "./SeriesReport";
import { type RefusedDate, leftOut, newBooked } from "./series";
import { ReasonSheet } from "./sheets";
import { SlotPicker } from "./SlotPicker";
import { useHold } from "./useHold";
import { WaitSheet } from "./WaitSheet";

/* Of a file of its own: the form is there before it. */
const NewReminders = lazy(() => import("./NewReminders"));

type Schemas = components["schemas"];
type Client = Schemas["ClientOut"];

export type NewSearch = { start?: string; staff?: string; minutes?: number; client?: string; service?: string };
const CUSTOM = "custom";
const ANY = "any";

export function NewPage() {
  const { t } = useTranslation();
  // Its address can be known to whoever may only look.
  return useRight("book") ? <NewForm /> : <Page title={t("new.title")}><Empty title={t("new.mayNot")} /></Page>;
}

function NewForm() {
  const { t, i18n } = useTranslation();
  const search = useSearch({ from: "/appointments/new" });
  const navigate = useNavigate();
  const router = useRouter();
  const queries = useQueryClient();
  const { business, clock, loading } = useBusiness();
  const known = useServices();
  const services = known.data ?? [];
  const resources = useResources().data ?? [];
  const actions = useActions().data ?? [];
  const mayOverride = useRight("override");
  const mayRemind = useRight("send_messages");
  const mayAddActions = useRight("write_appointments");

  const own = services.filter((service) => service.business_id === business?.id && !service.archived);
  const people = resources.filter((resource) => resource.kind === "staff" && !resource.archived && business && resource.business_ids.includes(business.id));
  const [client, setClient] = useState<ClientChoice>({ id: search.client ?? null, name: "", phone: "", email: "", none: false });
  const [serviceId, setServiceId] = useState<string | null>(search.service ?? null);
  const [serviceName, setServiceName] = useState("");
  const [minutes, setMinutes] = useState(search.minutes ? String(search.minutes) : "");
  const [staff, setStaff] = useState(search.staff ?? ANY);
  const [action, setAction] = useState<{ id: string | null; text: string }>({ id: null, text: "" });
  const [start, setStart] = useState<Instant | null>(search.start ? instantOf(search.start) : null);
  const [day, setDay] = useState(dayOf(search.start ? instantOf(search.start) : now(), clock.zone));
  const [notes, setNotes] = useState("");
  const [internal, setInternal] = useState("");
  const [price, setPrice] = useState("");
  const [notify, setNotify] = useState(true);
  const [reminders, setReminders] = useState<NewReminder[] | null>(null);
  const [rule, setRule] = useState<Rule | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [forcing, setForcing] = useState(false);
  const [waiting, setWaiting] = useState(false);
  const [report, setReport] = useState<{ done: string; dates: RefusedDate[]; onClose: () => void } | null>(null);
  const key = useRef<{ body: string; key: string } | null>(null);

  useEffect(() => {
    if (serviceId === null && own.length === 1) setServiceId(own[0]?.id ?? null);
  }, [own, serviceId]);

  const service = own.find((candidate) => candidate.id === serviceId);
  const custom = serviceId === CUSTOM;
  const length = Number(minutes) || service?.duration_minutes || null;
  const wantsClient = client.id !== null || (client.name.trim() !== "" && (client.phone.trim() !== "" || client.email.trim() !== "" || client.none));
  const wantsService = custom ? serviceName.trim() !== "" && Number(minutes) > 0 : service !== undefined;
  const ready = wantsClient && wantsService && start !== null && (rule === null || isWhole(rule, dayOf(start, clock.zone)));
  const what = useMemo(
    () =>
      business && wantsService
        ? {
            business_id: business.id,
            ...(custom ? { service_name: serviceName.trim(), duration_minutes: Number(minutes) } : { service_id: service?.id, ...(minutes && Number(minutes) !== service?.duration_minutes ? { duration_minutes: Number(minutes) } : {}) }),
            ...(staff === ANY ? {} : { resource_ids: [staff] }),
          }
        : null,
    [business, custom, minutes, service, serviceName, staff, wantsService],
  );
  const hold = useHold(what && !custom && rule === null ? what : null, start);

  if (loading) return <Waiting />;
  if (!business) return <FirstBusiness />;

  const body = (reason?: string) => ({
    ...what,
    starts_at: start === null ? "" : isoOf(start),
    ...(client.id ? { client_id: client.id } : { client: { name: client.name.trim(), phone: client.phone.trim() || null, email: client.email.trim() || null } }),
    ...(action.id ? { action_id: action.id } : action.text.trim() && mayAddActions && rule === null ? { action_name: action.text.trim() } : {}),
    notes: notes.trim() || null,
    internal_notes: internal.trim() || null,
    notify,
    ...(price.trim() ? { quoted_price: { amount: price.trim().replace(",", "."), currency: service?.price?.currency ?? business.currency } } : {}),
    ...(reason ? { override: { reason } } : rule === null && hold.id ? { hold_id: hold.id } : {}),
    ...(rule ? { recurrence: ruleBody(rule), ...conflictBody(rule, reason) } : {}),
  });

  // Back to the screen it was opened from; opened by its address alone there is none of ours to go back to.
  const close = () => (router.history.canGoBack() ? router.history.back() : void navigate({ to: "/calendar" }));

  /** Booked it is, whatever becomes of that: where it cannot be done it is said, with a way there. */
  const remind = (appointment: PlainAppointment, wanted: readonly NewReminder[]) =>
    void giveReminders(appointment.id, wanted)
      .catch((failure) => toast(t("new.notReminded", { why: sayError(t, failure) }), { danger: true, actions: [{ name: t("new.open"), run: () => void navigate({ to: "/appointments/$id", params: { id: appointment.id } }) }] }))
      .finally(() => queries.invalidateQueries({ queryKey: ["reminders", appointment.id] }));

  /** A refusal is shown here, and thrown to whoever waits for it. */
  const book = async (another: boolean, reason?: string) => {
    if (!ready || busy) return;
    const wish = body(reason);
    const text = JSON.stringify(wish);
    // The same body is the same attempt, and a changed one a new one: after a refusal another time is chosen.
    if (key.current?.body !== text) key.current = { body: text, key: crypto.randomUUID() };
    setBusy(true);
    setError(null);
    let booked: PlainAppointment | null = null;
    let left: RefusedDate[] = [];
    let said = "";
    try {
      if (rule) {
        const made = await ask<Schemas["SeriesReportOut"]>("booking", "/series", { method: "POST", body: wish, key: key.current.key });
        left = leftOut(made);
        said = t("new.series", { booked: newBooked(made), skipped: made.skipped });
        if (left.length === 0) toast(said);
      } else {
        const answer: Answer<Schemas["BookedAppointmentOut"]> = await send(addressOf("booking", "/appointments"), { method: "POST", body: wish, key: key.current.key });
        const appointment: PlainAppointment = answer.body;
        booked = appointment;
        const asked = appointment.status === "pending";
        toast(t(asked ? "new.asked" : "new.booked", { time: clock.dayAndTime(instantOf(appointment.starts_at)), staff: appointment.resources[0]?.name ?? "" }), {
          actions: [{ name: t("new.open"), run: () => void navigate({ to: "/calendar/$view/$day", params: { view: "day", day: dayOf(instantOf(appointment.starts_at), clock.zone) }, search: { appointment: appointment.id } }) }],
        });
        if (reminders !== null && notify) remind(appointment, reminders);
        for (const note of answer.body.client_notes) toast(t(`clientNote.${note.code}`, { defaultValue: note.detail }));
      }
      hold.used();
      key.current = null;
      await (booked ? showOwn(queries, booked) : queries.invalidateQueries({ queryKey: ["appointments"] }));
      void queries.invalidateQueries({ queryKey: ["slots"] });
      void queries.invalidateQueries({ queryKey: ["clients"] });
      const go = () => {
        setReport(null);
        if (!another) return close();
        setStart(null);
        setReminders(null);
        setNotes("");
        setInternal("");
      };
      if (left.length === 0) return go();
      setForcing(false);
      setReport({ done: said, dates: left, onClose: go });
    } catch (failure) {
      setError(failure);
      void queries.invalidateQueries({ queryKey: ["slots"] });
      if (failure instanceof ProblemError && failure.code.startsWith("hold_")) hold.lost();
      throw failure;
    } finally {
      setBusy(false);
    }
  };
  const tryToBook = (another: boolean) => void book(another).catch(() => undefined);
  const rules = error instanceof ProblemError && ((error.problem.reasons?.length ?? 0) > 0 || error.code === "slot_taken" || error.code === "class_full");

  return (
    <Page title={t("new.title")} actions={<><span className="soft hide-s">{t("zone", { place: clock.place })}</span><span className="fill" /><Button kind="quiet" icon="x" aria-label={t("close")} onPress={close} /></>}>
      <form
        className="new"
        onSubmit={(event) => {
          event.preventDefault();
          tryToBook(false);
        }}
        // On the way down: a button that has the focus would keep the key to itself.
        onKeyDownCapture={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && !event.repeat) {
            event.preventDefault();
            event.stopPropagation();
            tryToBook(false);
          }
        }}
      >
        <div className="new-cols">
          <div className="stack">
            <ClientField value={client} onChange={setClient} />
            <Select
              label={t("field.service")}
              value={serviceId}
              onChange={(id) => {
                setServiceId(id);
                if (id !== CUSTOM) setMinutes("");
              }}
              placeholder={t("new.chooseService")}
              options={[...own.map((item) => ({ id: item.id, name: item.name, detail: duration(item.duration_minutes, i18n.language) })), { id: CUSTOM, name: t("new.custom") }]}
            />
            {custom && <TextField label={t("new.customName")} value={serviceName} onChange={setServiceName} maxLength={200} isRequired />}
            <div className="two">
              <TextField label={t("field.minutes")} type="number" value={minutes} onChange={setMinutes} placeholder={service ? String(service.duration_minutes) : ""} isRequired={custom} />
              <Select label={t("field.staff")} value={staff} onChange={setStaff} options={[{ id: ANY, name: t("new.any") }, ...people.map((person) => ({ id: person.id, name: person.name }))]} />
            </div>
            <ComboBox
              label={t("field.action")}
              value={action.id}
              text={action.text}
              onText={(text) => setAction({ id: actions.find((item) => item.name === text)?.id ?? null, text })}
              onChange={(id) => id && setAction({ id, text: actions.find((item) => item.id === id)?.name ?? "" })}
              options={actions.filter((item) => !item.archived && item.name.toLowerCase().includes(action.id ? "" : action.text.toLowerCase()))}
              hint={action.text.trim() && !action.id && mayAddActions ? t("new.newAction", { name: action.text.trim() }) : undefined}
            />
            <TextField label={t("field.notes")} value={notes} onChange={setNotes} lines={2} maxLength={10_000} hint={t("drawer.notesHint")} />
            <details>
              <summary>{t("new.more")}</summary>
              <TextField label={t("field.internalNotes")} value={internal} onChange={setInternal} lines={2} maxLength={10_000} hint={t("neverSeen")} />
              <TextField label={t("new.price", { currency: service?.price?.currency ?? business.currency })} value={price} onChange={setPrice} placeholder={service?.price?.amount ?? ""} />
              <Repeat value={rule} start={start} clock={clock} onChange={setRule} />
            </details>
            <Checkbox value={notify} onChange={setNotify}>
              {t("new.notify")}
            </Checkbox>
            {notify && mayRemind && rule === null && (
              <Suspense fallback={null}>
                <NewReminders businessId={business.id} serviceId={service?.id ?? null} start={start} value={reminders} onChange={setReminders} />
              </Suspense>
            )}
            {notify && rule !== null && <p className="hint">{t("new.seriesReminders")}</p>}
          </div>
          <div className="stack">
            <SlotPicker
              serviceId={custom ? null : (service?.id ?? null)}
              businessId={business.id}
              minutes={custom ? Number(minutes) || null : minutes ? Number(minutes) : null}
              staff={staff === ANY ? null : staff}
              ignore={hold.id ? [hold.id] : undefined}
              value={start}
              day={day}
              onDay={setDay}
              onChange={setStart}
            />
            {service && start === null && (
              <>
                <Button isDisabled={!wantsClient} onPress={() => setWaiting(true)}>{t("waiting.join")}</Button>
                <p className="hint">
                  {t(wantsClient ? "waiting.offerHint" : "waiting.clientFirst")} <Link to="/waiting-list">{t("nav.waiting")}</Link>
                </p>
              </>
            )}
          </div>
        </div>
        <SeriesProblem error={error ?? known.error} clock={clock} />
        {hold.problem && (
          <div className="problem" role="status">
            <div>
              {hold.problem.map((reason) => (
                <p key={reason.code}>{sayReason(t, reason)}</p>
              ))}
              <NamedBy reasons={hold.problem} />
            </div>
          </div>
        )}
        <Problem error={hold.notKept} lead={t("new.notKept")} />
        <footer className="new-foot">
          <span role="status">
            {start !== null && (
              <b>
                <bdi>
                  {clock.dayAndTime(start)}
                  {length ? `–${clock.time(start + length * MINUTE)}` : ""}
                </bdi>
              </b>
            )}
            {hold.secondsLeft !== null && (
              <small className={hold.secondsLeft < 60 ? "amber" : "soft"}>
                {t("new.held", { time: countdown(hold.secondsLeft * 1_000) })}
                {hold.secondsLeft < 60 && (
                  <button type="button" className="link" onClick={() => void hold.keep()}>
                    {t("new.keep")}
                  </button>
                )}
              </small>
            )}
          </span>
          <span className="fill" />
          {rules && mayOverride && <Button onPress={() => setForcing(true)}>{t("calendar.overrideAction")}</Button>}
          <Button isDisabled={!ready} onPress={() => tryToBook(true)}>
            {t("new.bookAndNew")}
          </Button>
          <Button kind="primary" type="submit" isDisabled={!ready} isPending={busy} shortcut="⌘⏎">
            {t("new.book")}
          </Button>
        </footer>
      </form>
      {report && <SeriesReport {...report} clock={clock} />}
      {waiting && service && <WaitSheet businessId={business.id} serviceId={service.id} staff={staff === ANY ? null : staff} client={client} day={day} onClose={() => setWaiting(false)} onDone={close} />}
      {forcing && <ReasonSheet title={t("calendar.override")} action={t("calendar.overrideAction")} onClose={() => setForcing(false)} onDone={(reason) => book(false, reason)} />}
    </Page>
  );
}

export type ClientChoice = { id: string | null; name: string; phone: string; email: string; none: boolean };

/** Found while typing; who is not found is new, with phone or e-mail, or with neither and said so. */
function ClientField({ value, onChange }: { value: ClientChoice; onChange: (choice: ClientChoice) => void }) {
  const { t } = useTranslation();
  const found = useFoundClients(value.name, value.id === null);
  const given = useQuery({
    queryKey: ["clients", "single", value.id],
    enabled: value.id !== null && value.name === "",
    queryFn: () => ask<Client>("booking", `/clients/${value.id}`),
  });
  useEffect(() => {
    if (given.data && value.id === given.data.id && value.name === "") onChange({ ...value, name: given.data.name });
  }, [given.data, onChange, value]);
  const options = value.id === null ? found : [];
  return (
    <fieldset className="plain">
      <ComboBox
        label={t("field.client")}
        autoFocus
        value={value.id}
        text={value.name}
        onText={(name) => name !== value.name && onChange({ ...value, id: null, name })}
        onChange={(id) => {
          const chosen = options.find((client) => client.id === id);
          if (chosen) onChange({ id: chosen.id, name: chosen.name, phone: "", email: "", none: false });
        }}
        options={options.map(optionOf)}
        hint={value.id === null && value.name.trim() ? t("new.newClient", { name: value.name.trim() }) : undefined}
      />
      {value.id === null && value.name.trim() !== "" && (
        <>
          <div className="two">
            <TextField label={t("field.phone")} type="tel" value={value.phone} onChange={(phone) => onChange({ ...value, phone })} maxLength={40} isRequired={!value.none && !value.email} />
            <TextField label={t("field.email")} type="email" value={value.email} onChange={(email) => onChange({ ...value, email })} maxLength={254} />
          </div>
          {!value.phone && !value.email && (
            <Checkbox value={value.none} onChange={(none) => onChange({ ...value, none })}>
              {t("new.noContact")}
            </Checkbox>
          )}
        </>
      )}
    </fieldset>
  );
}

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { useResources } from "../api/catalogue";
import { ProblemError } from "../api/client";
import { useRight } from "../api/session";
import { OneKey } from "../messages/send";
import { Clock, parseTypedTime } from "../time";
import { useBusiness } from "../business";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Waiting } from "../ui/Page";
import { Segments } from "../ui/Segments";
import { Sheet } from "../ui/Sheet";
import { toast } from "../ui/toasts";
import { SeriesProblem, SeriesReport } from "./SeriesReport";
import { type Conflicts, type RefusedDate, type Scope, type Series, changeSeries, clockText, differences, reachOf, readAgain, refusedOf, sayResults, showChanged, staffedBy, standingInTheWay, useDate, useSeries } from "./series";
import { ReasonSheet } from "./sheets";

type Props = { appointment: Appointment; onClose: () => void };
const SCOPES = ["following", "all"] as const;
type Choice = Exclude<Conflicts["on_conflict"], "override">;

/** Another time, length or member of staff for a date of a series and the following, or for all that are still to come. */
export default function SeriesChange({ appointment, onClose }: Props) {
  const { t } = useTranslation();
  const { data: series, error } = useSeries(appointment.series_id ?? "");
  const resources = useResources().data;
  if (series && resources) return <Form appointment={appointment} series={series} onClose={onClose} />;
  return (
    <Sheet title={t("verb.series")} onClose={onClose}>
      <Waiting error={error} />
    </Sheet>
  );
}

/** `series` is as it is by now; what was shown first tells what has been changed here. */
function Form({ appointment, series, onClose }: Props & { series: Series }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { clock: businessClock } = useBusiness();
  const clock = new Clock(businessClock.locale, series.zone);
  const staff = (useResources().data ?? []).filter((resource) => resource.kind === "staff");
  const ids = new Set(staff.map(({ id }) => id));
  const people = staff.filter((person) => !person.archived && person.business_ids.includes(series.business_id));
  const [begun] = useState({ time: series.local_time.slice(0, "00:00".length), minutes: String(series.duration_minutes ?? appointment.duration_minutes), staff: series.resource_ids?.find((id) => ids.has(id)) ?? null });
  const [now, setNow] = useState(begun);
  const date = useDate(series, appointment.id);
  const [scope, setScope] = useState<Scope>(date === null ? "all" : "following");
  const [choice, setChoice] = useState<Choice>("fail");
  const [notify, setNotify] = useState(series.notify_client);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [forcing, setForcing] = useState(false);
  const [report, setReport] = useState<{ done: string; dates: RefusedDate[] } | null>(null);
  const pressed = useRef(false);
  const key = useRef(new OneKey());
  const mayStaff = useRight("write_appointments");
  const mayForce = useRight("override") && standingInTheWay(error).length > 0;

  const typed = parseTypedTime(now.time);
  const length = Number(now.minutes);
  const change = differences(begun, { ...now, clock: typed === null ? null : clockText(typed) }, (chosen) => staffedBy(series, ids, chosen));
  const ready = typed !== null && Number.isInteger(length) && length > 0 && Object.keys(change).length > 0;
  const reach = reachOf(scope, date);

  /** A refusal is shown here, and thrown to whoever waits for it. */
  const go = async (conflicts: Conflicts) => {
    // Also before the button is drawn as busy.
    if (pressed.current) return;
    pressed.current = true;
    setBusy(true);
    // The last refusal stays until there is an answer: without it the sheet would shrink below a second press.
    const wish = { ...change, ...(notify === series.notify_client ? {} : { notify }) };
    try {
      const done = await changeSeries(client, series, reach, wish, conflicts, key.current.of(JSON.stringify([series.version, reach, wish, conflicts])));
      void showChanged(client, series, done);
      const dates = refusedOf(done);
      if (dates.length > 0) return setReport({ done: sayResults(t, done), dates });
      toast(sayResults(t, done));
      onClose();
    } catch (failure) {
      setError(failure);
      if (failure instanceof ProblemError && failure.problem.status === 412) void readAgain(client, series.id);
      throw failure;
    } finally {
      pressed.current = false;
      setBusy(false);
    }
  };
  if (report) return <SeriesReport {...report} clock={clock} onClose={onClose} />;
  if (forcing)
    return (
      <ReasonSheet
        title={t("calendar.override")}
        action={t("calendar.overrideAction")}
        onClose={() => setForcing(false)}
        onDone={(reason) => go({ on_conflict: "override", override: { reason } })}
      />
    );
  return (
    <Sheet
      title={t("series.title", { name: appointment.client.name })}
      onClose={onClose}
      stays={busy}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <span className="fill" />
          {mayForce && <Button onPress={() => setForcing(true)}>{t("calendar.overrideAction")}</Button>}
          <Button kind="primary" isDisabled={!ready} isPending={busy} onPress={() => void go({ on_conflict: choice }).catch(() => undefined)}>
            {t("save")}
          </Button>
        </>
      }
    >
      <p className="hint">{t("zone", { place: clock.place })}</p>
      <SeriesProblem error={error} clock={clock} />
      <Segments<Scope>
        label={t("series.scope")}
        value={scope}
        onChange={setScope}
        choices={SCOPES.filter((one) => one === "all" || date !== null).map((one) => [one, t(`series.${one}`)])}
      />
      <div className="two">
        <TextField label={t("field.time")} value={now.time} onChange={(time) => setNow({ ...now, time })} isRequired error={typed === null ? t("slots.notATime", { text: now.time }) : null} dir="ltr" />
        <TextField label={t("field.minutes")} type="number" value={now.minutes} onChange={(minutes) => setNow({ ...now, minutes })} isRequired />
      </div>
      {mayStaff && people.length > 1 && <Select label={t("field.staff")} value={now.staff} placeholder={t("new.any")} onChange={(id) => setNow({ ...now, staff: id })} options={people.map((person) => ({ id: person.id, name: person.name }))} />}
      <Segments<Choice>
        label={t("series.onConflict")}
        value={choice}
        onChange={setChoice}
        choices={[
          ["fail", t("series.changeNone")],
          ["skip", t("series.changeRest")],
        ]}
      />
      <Checkbox value={notify} onChange={setNotify}>
        {t("move.notify")}
      </Checkbox>
      {!notify && series.notify_client && <p className="hint">{t("series.silent")}</p>}
    </Sheet>
  );
}

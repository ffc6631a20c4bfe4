/** One row of the file: what it says, why it cannot be booked, and what is done about it. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../api/schema/imports";
import { ReasonSheet } from "../appointments/sheets";
import { type Clock, instantOf } from "../time";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { sayReason } from "../ui/Problem";
import "./imports.css";

type Schemas = components["schemas"];
export type Row = Schemas["RowOut"];
type Props = {
  row: Row;
  clock: Clock;
  editable: boolean;
  mayOverride: boolean;
  /** Whether it was taken. */
  onChange: (body: Schemas["ChangeRowIn"]) => Promise<boolean>;
  /** Refused, it is thrown: the reason stays to be tried again. */
  onOverride: (reason: string) => Promise<void>;
};

export function RowLine({ row, clock, editable, mayOverride, onChange, onOverride }: Props) {
  const { t } = useTranslation();
  const [forcing, setForcing] = useState(false);
  const [values, setValues] = useState<Record<string, string> | null>(null);
  // A row that is not bookable otherwise alone: what is dropped is left out anyway.
  const canForce = editable && mayOverride && row.state === "conflict" && !row.dropped;
  const reasons = row.outcome ? row.outcome_reasons : row.reasons;
  return (
    <li className={`${row.state}${row.dropped ? " off" : ""}`}>
      <div className="r1">
        <b className="n">{row.number}</b>
        <span className="grow">
          {row.requested ? (
            <>
              <bdi>{row.requested.client_name}</bdi> · {clock.dayAndTime(instantOf(row.requested.starts_at))}
            </>
          ) : (
            <bdi>{Object.values(row.values).join(" · ")}</bdi>
          )}
          {reasons.map((reason) => <small key={reason.code}>{sayReason(t, reason)}</small>)}
          {row.override_reason && <small className="amber">{t("imports.overridden", { reason: `\u2068${row.override_reason}\u2069` })}</small>}
        </span>
        <span className={`state ${row.state}`}>{row.outcome ? t(`imports.outcome.${row.outcome}`) : t(`imports.tab.${row.state}`)}</span>
        {canForce && (row.override_reason ? <Button kind="quiet" aria-label={t("imports.withdrawRow", { number: row.number })} onPress={() => onChange({ override_reason: null })}>{t("imports.withdraw")}</Button> : <Button kind="quiet" aria-label={t("imports.overrideRow", { number: row.number })} onPress={() => setForcing(true)}>{t("calendar.overrideAction")}</Button>)}
        {editable && <Button kind="quiet" icon="edit" aria-label={t("imports.editRow", { number: row.number })} onPress={() => setValues(values ? null : { ...(row.values as Record<string, string>) })} />}
        {editable && <Button kind="quiet" icon={row.dropped ? "rep" : "x"} aria-label={t(row.dropped ? "imports.take" : "imports.drop_row", { number: row.number })} onPress={() => onChange({ dropped: !row.dropped })} />}
      </div>
      {values && (
        <div className="three">
          {Object.entries(values).map(([name, value]) => <TextField key={name} label={t(`imports.field.${name}`, { defaultValue: name })} value={value} onChange={(next) => setValues((known) => ({ ...known, [name]: next }))} />)}
          <Button kind="primary" onPress={async () => (await onChange({ values })) && setValues(null)}>{t("save")}</Button>
        </div>
      )}
      {forcing && <ReasonSheet title={t("imports.overrideRow", { number: row.number })} action={t("calendar.overrideAction")} onClose={() => setForcing(false)} onDone={async (reason) => { await onOverride(reason); setForcing(false); }} />}
    </li>
  );
}

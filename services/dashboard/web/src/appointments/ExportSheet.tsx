import { useState } from "react";
import { useTranslation } from "react-i18next";
import { addressOf, type Query } from "../api/client";
import { Button } from "../ui/Button";
import { Checkbox, Select } from "../ui/fields";
import { Sheet } from "../ui/Sheet";

const FORMATS = ["csv", "xlsx", "ics"] as const;
const FIELDS = ["starts_at", "ends_at", "zone", "duration_minutes", "status", "cancellation_reason", "business", "service", "staff", "client_name", "client_phone", "client_email", "action", "source", "location", "origin", "quoted_price", "quoted_currency", "actual_price", "actual_currency", "notes", "internal_notes", "external_id", "created_at", "updated_at"] as const;
const USUAL = new Set<string>(["starts_at", "ends_at", "status", "business", "service", "staff", "client_name", "client_phone", "action", "source", "origin", "actual_price", "actual_currency"]);
const MOST_IDS = 1_000;

/** Those of many that one file can hold, each portion with the number of its first. */
export function portionsOf(ids: readonly string[]): { from: number; ids: readonly string[] }[] {
  const portions = [];
  for (let at = 0; at < ids.length; at += MOST_IDS) portions.push({ from: at + 1, ids: ids.slice(at, at + MOST_IDS) });
  return portions;
}

/** Which columns, in which order, as which file; it streams as a download. */
export function ExportSheet({ query, ids, total, onClose }: { query: Query; ids: readonly string[]; total: number | undefined; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const [format, setFormat] = useState<string>("csv");
  const [order, setOrder] = useState("asc");
  const [fields, setFields] = useState<ReadonlySet<string>>(USUAL);
  const number = new Intl.NumberFormat(i18n.language);
  const addressFor = (which: Query) => addressOf("booking", "/appointments/export", { ...which, format, order, fields: format === "ics" ? undefined : FIELDS.filter((field) => fields.has(field)) });
  const portions = portionsOf(ids);
  const many = portions.length > 1;
  const count = ids.length || total;
  return (
    <Sheet
      title={t("export.title")}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          {!many && (
            <a className="btn pri" href={addressFor(ids.length ? { ids } : query)} download onClick={() => window.setTimeout(onClose, 0)}>
              {t("export.action", { count, number: count === undefined ? "" : number.format(count) })}
            </a>
          )}
        </>
      }
    >
      <div className="two">
        <Select label={t("export.format")} value={format} onChange={setFormat} options={FORMATS.map((id) => ({ id, name: id === "ics" ? "iCalendar (.ics)" : id.toUpperCase() }))} />
        <Select label={t("export.order")} value={order} onChange={setOrder} options={[{ id: "asc", name: t("export.oldest") }, { id: "desc", name: t("export.newest") }]} />
      </div>
      {many && (
        <>
          <p>{t("export.parts", { most: number.format(MOST_IDS), files: number.format(portions.length) })}</p>
          <p className="chips">
            {portions.map(({ from, ids: some }) => (
              <a className="btn" key={from} href={addressFor({ ids: some })} download>
                {t("export.part", { from: number.format(from), to: number.format(from + some.length - 1) })}
              </a>
            ))}
          </p>
        </>
      )}
      {format !== "ics" && (
        <fieldset className="columns">
          <legend>{t("export.fields")}</legend>
          {FIELDS.map((field) => (
            <Checkbox
              key={field}
              value={fields.has(field)}
              onChange={(on) => setFields((known) => new Set(on ? [...known, field] : [...known].filter((other) => other !== field)))}
            >
              {t(`export.field.${field}`, { defaultValue: field })}
            </Checkbox>
          ))}
        </fieldset>
      )}
    </Sheet>
  );
}

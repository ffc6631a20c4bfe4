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

/** Which columns, in which order, as which file; it streams as a download. */
export function ExportSheet({ query, ids, total, onClose }: { query: Query; ids: readonly string[]; total: number | undefined; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const [format, setFormat] = useState<string>("csv");
  const [order, setOrder] = useState("asc");
  const [fields, setFields] = useState<ReadonlySet<string>>(USUAL);
  const some = ids.length > 0 && ids.length <= MOST_IDS;
  const address = addressOf("booking", "/appointments/export", {
    ...(some ? { ids } : query),
    format,
    order,
    fields: format === "ics" ? undefined : FIELDS.filter((field) => fields.has(field)),
  });
  const count = some ? ids.length : total;
  return (
    <Sheet
      title={t("export.title")}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <a className="btn pri" href={address} download onClick={() => window.setTimeout(onClose, 0)}>
            {t("export.action", { count, number: count === undefined ? "" : new Intl.NumberFormat(i18n.language).format(count) })}
          </a>
        </>
      }
    >
      <div className="two">
        <Select label={t("export.format")} value={format} onChange={setFormat} options={FORMATS.map((id) => ({ id, name: id === "ics" ? "iCalendar (.ics)" : id.toUpperCase() }))} />
        <Select label={t("export.order")} value={order} onChange={setOrder} options={[{ id: "asc", name: t("export.oldest") }, { id: "desc", name: t("export.newest") }]} />
      </div>
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

import { Suspense, lazy } from "react";
import { useTranslation } from "react-i18next";
import type { PlainAppointment } from "../api/appointments";
import { numbers } from "../numbers";
import { Button } from "../ui/Button";
import { useDraft } from "./drafts";
import type { Fields } from "./edits";

const PriceEdit = lazy(() => import("./PriceEdit"));

export type PriceDraft = { text: string; begun: string | null };
type Money = PlainAppointment["quoted_price"];
type Props = { appointment: PlainAppointment; currency: string; editable: boolean; onSave: (fields: Fields) => Promise<boolean> };

/** What it was quoted at, until it is over; what was paid from then on. */
const pricedBy = (appointment: PlainAppointment): "quoted_price" | "actual_price" => (appointment.actual_price || appointment.status === "completed" ? "actual_price" : "quoted_price");

export function Price({ appointment, currency, editable, onSave }: Props) {
  const { t, i18n } = useTranslation();
  const key = `${appointment.id} price`;
  const [draft, change] = useDraft<PriceDraft>(key);
  const { quoted_price: quoted, actual_price: paid } = appointment;
  const field = pricedBy(appointment);
  const amount = appointment[field]?.amount ?? null;
  const money = (price: Money) => price && numbers(i18n.language, { style: "currency", currency: price.currency }).format(Number(price.amount));
  if (!editable && !quoted && !paid) return null;
  return (
    <>
      <dt>{t("field.price")}</dt>
      <dd>
        {money(paid ?? quoted) ?? "–"}
        {paid && quoted && <small>{t("drawer.quoted", { price: money(quoted) })}</small>}
        {editable && !draft && (
          <Button kind="quiet" onPress={() => change({ text: amount ?? quoted?.amount ?? "", begun: amount })}>
            {t("drawer.changePrice")}
          </Button>
        )}
        {editable && draft && (
          <Suspense fallback={null}>
            <PriceEdit draftKey={key} draft={draft} value={amount} currency={(paid ?? quoted)?.currency ?? currency} onChange={change} onSave={(price) => onSave({ [field]: price })} />
          </Suspense>
        )}
      </dd>
    </>
  );
}

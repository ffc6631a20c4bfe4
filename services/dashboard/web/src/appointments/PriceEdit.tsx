import { useTranslation } from "react-i18next";
import type { PlainAppointment } from "../api/appointments";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { amountOf } from "./amount";
import { draftOf } from "./drafts";
import { Theirs } from "./Notes";
import type { PriceDraft } from "./Price";

type Props = {
  draftKey: string;
  draft: PriceDraft;
  /** The amount as it is kept now. */
  value: string | null;
  currency: string;
  onChange: (draft: PriceDraft | null) => void;
  onSave: (price: PlainAppointment["quoted_price"]) => Promise<boolean>;
};

/** A price that is being typed, in the currency it has. */
export default function PriceEdit({ draftKey, draft, value, currency, onChange, onSave }: Props) {
  const { t } = useTranslation();
  const amount = amountOf(draft.text);
  const save = async () => {
    if (amount === undefined) return;
    if ((await onSave(amount === null ? null : { amount, currency })) && draftOf(draftKey) === draft) onChange(null);
  };
  return (
    <form
      className="notes-edit"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <TextField label={t("complete.price", { currency })} value={draft.text} onChange={(text) => onChange({ ...draft, text })} error={amount === undefined ? t("complete.wrongPrice") : null} hint={t("drawer.noPrice")} autoFocus />
      <Theirs begun={draft.begun} value={value} typed={amount ?? null} onTake={() => onChange(null)} />
      <div className="row">
        <Button kind="primary" type="submit" isDisabled={amount === undefined}>
          {t("save")}
        </Button>
        <Button onPress={() => onChange(null)}>{t("back")}</Button>
      </div>
    </form>
  );
}

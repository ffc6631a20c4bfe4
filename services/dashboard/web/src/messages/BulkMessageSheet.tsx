/** One message to the clients, or the staff, of many appointments. */
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useBusiness } from "../business";
import { Button } from "../ui/Button";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { type Draft, MessageFields, type Sample, useWritable } from "./MessageFields";
import { type Audience, type Verb, verbOf } from "./send";

const OrderProgress = lazy(() => import("./OrderProgress"));

/** `orderId`: of what is being sent, where it is long. */
type Props = { count: number; sample: Sample; audience: Audience; orderId: string | null; onClose: () => void; onDone: (verb: Verb, text: string) => Promise<void> };

export function BulkMessageSheet({ count, sample, audience, orderId, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const writable = useWritable() ?? [];
  const { business, businesses } = useBusiness();
  const [draft, setDraft] = useState<Draft>({ channel: writable[0] ?? "", text: "" });
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const text = draft.text.trim();
  const write = async () => {
    setError(null);
    setBusy(true);
    await onDone(verbOf(draft.channel, audience), text)
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <Sheet
      title={t(audience === "staff" ? "bulk.textStaff" : "bulk.textClients", { count })}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="primary" isDisabled={!text || !draft.channel || busy} onPress={() => void write()}>
            {t("bulk.send", { count })}
          </Button>
        </>
      }
    >
      <Problem error={error} />
      {busy && orderId && (
        <Suspense>
          <OrderProgress orderId={orderId} />
        </Suspense>
      )}
      <MessageFields draft={draft} onChange={setDraft} audience={audience} businessId={businesses.length === 1 ? business?.id : undefined} sample={sample} label={t("bulk.text")} autoFocus />
    </Sheet>
  );
}

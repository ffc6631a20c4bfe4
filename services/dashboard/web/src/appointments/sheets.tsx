/** The short questions of a verb: why, at which price, to which time. */
import { Suspense, lazy, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { Button } from "../ui/Button";
import { Checkbox, TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { useAnswer } from "../ui/useAnswer";
import { amountOf } from "./amount";
import { Theirs } from "./Notes";

/* Of a file of its own: most days most appointments stay. */
const CancelPolicy = lazy(() => import("./CancelFacts").then(({ CancelPolicy }) => ({ default: CancelPolicy })));
const CancelNews = lazy(() => import("./CancelFacts").then(({ CancelNews }) => ({ default: CancelNews })));

type ReasonProps = { title: string; action: string; onClose: () => void; onDone: (reason: string) => void | Promise<void> };

/** A reason of 3 to 200 signs, for what breaks a rule. It is recorded; where that is refused too, it stays to be tried again. */
export function ReasonSheet({ title, action, onClose, onDone }: ReasonProps) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const { busy, error, run } = useAnswer();
  const long = reason.trim().length >= 3;
  return (
    <Sheet
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="danger" isDisabled={!long} isPending={busy} onPress={() => void run(async () => onDone(reason.trim()))}>
            {action}
          </Button>
        </>
      }
    >
      <Problem error={error} />
      <TextField label={t("reason")} value={reason} onChange={setReason} lines={3} maxLength={200} autoFocus isRequired hint={t("reasonHint")} />
    </Sheet>
  );
}

type CancelProps = {
  count: number;
  /** Whose it is, where it is one and that is known here. */
  name?: string;
  /** Of how many clients they are, where that is another number. */
  clients?: number;
  notify: boolean;
  /** The one that it is about, where it is one: what its service says of that, and what its client is told. */
  about?: { appointment: Appointment; kind: "cancelled" | "declined" };
  /** Beside that the client is told. */
  hint?: string;
  /** What is asked before the reason. */
  children?: React.ReactNode;
  /** Of an erased client nothing is written, and nobody is told. */
  erased?: boolean;
  onClose: () => void;
  onDone: (reason: string, notify: boolean) => Promise<void>;
};

const REASONS = ["client", "staff", "ill", "closed", "mistake"] as const;

/** Cancel, for one or many. The way out keeps it. */
export function CancelSheet({ count, name, clients = count, notify, about, hint, children, erased = false, onClose, onDone }: CancelProps) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const [tell, setTell] = useState(notify);
  const { busy, error, run } = useAnswer();
  const chips = useId();
  return (
    <Sheet
      title={count === 1 && !name ? t("verb.cancel") : t("cancel.title", { count, name })}
      onClose={onClose}
      stays={busy}
      footer={
        <>
          <Button onPress={onClose}>{t("cancel.keep", { count })}</Button>
          <Button kind="danger" isDisabled={!erased && !reason.trim()} isPending={busy} onPress={() => void run(() => onDone(reason.trim(), tell && !erased))}>
            {t("cancel.action", { count })}
          </Button>
        </>
      }
    >
      <Problem error={error} />
      {children}
      {about?.kind === "cancelled" && (
        <Suspense fallback={null}>
          <CancelPolicy appointment={about.appointment} />
        </Suspense>
      )}
      {erased ? (
        <p>{t("inbound.reason.client_erased")}</p>
      ) : (
        <>
          <div className="chips" role="group" aria-labelledby={chips}>
            <span id={chips} className="sr">
              {t("cancel.reasons")}
            </span>
            {REASONS.map((name) => (
              <button type="button" className="chip" key={name} aria-pressed={reason === t(`cancel.reason.${name}`)} onClick={() => setReason(t(`cancel.reason.${name}`))}>
                {t(`cancel.reason.${name}`)}
              </button>
            ))}
          </div>
          <TextField label={t("reason")} value={reason} onChange={setReason} lines={2} maxLength={1000} isRequired autoFocus />
          <Checkbox value={tell} onChange={setTell}>
            {t("cancel.notify", { count: clients })}
          </Checkbox>
          {tell && hint && <p className="hint">{hint}</p>}
          {tell && about && (
            <Suspense fallback={null}>
              <CancelNews {...about} />
            </Suspense>
          )}
        </>
      )}
    </Sheet>
  );
}

type CompleteProps = { appointment: Appointment; currency: string; onClose: () => void; onDone: (body: { actual_price?: { amount: string; currency: string }; internal_notes?: string }) => Promise<void> };

export function CompleteSheet({ appointment, currency, onClose, onDone }: CompleteProps) {
  const { t } = useTranslation();
  const price = appointment.actual_price ?? appointment.quoted_price;
  // Null until it is typed in: what somebody else writes meanwhile is not put back.
  const [typedAmount, setAmount] = useState<string | null>(null);
  const [typedNotes, setNotes] = useState<string | null>(null);
  const [begun] = useState(appointment.internal_notes);
  const { busy, error, run } = useAnswer();
  const amount = typedAmount ?? price?.amount ?? "";
  const notes = typedNotes ?? appointment.internal_notes ?? "";
  const given = amountOf(amount);
  const wrong = given === undefined;
  const unit = price?.currency ?? currency;
  const body = () => ({
    ...(given ? { actual_price: { amount: given, currency: unit } } : {}),
    ...(notes !== (appointment.internal_notes ?? "") ? { internal_notes: notes } : {}),
  });
  return (
    <Sheet
      title={t("complete.title")}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="primary" isDisabled={wrong} isPending={busy} onPress={() => void run(() => onDone(body()))}>
            {t("verb.complete")}
          </Button>
        </>
      }
    >
      <Problem error={error} />
      <TextField label={t("complete.price", { currency: unit })} value={amount} onChange={setAmount} error={wrong ? t("complete.wrongPrice") : null} autoFocus />
      {appointment.client.name && <TextField label={t("field.internalNotes")} value={notes} onChange={setNotes} lines={4} maxLength={10000} hint={t("neverSeen")} />}
      {typedNotes !== null && <Theirs begun={begun} value={appointment.internal_notes} typed={typedNotes} onTake={() => setNotes(null)} />}
    </Sheet>
  );
}

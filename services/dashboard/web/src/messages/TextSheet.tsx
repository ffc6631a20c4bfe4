/** A text that is kept for later: its name, its words, and how they read for an appointment. */
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import { useSession } from "../api/session";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { AsSent } from "./AsSent";
import type { Draft } from "./MessageFields";
import { type Audience, MOST_SIGNS } from "./send";
import { type KeptText, TEXTS } from "./texts";

/** `locale`: of a new one, else the reader's. `children`: what is chosen beside its name. */
type Props = { kept: KeptText | undefined; draft: Draft; audience: Audience; businessId: string | undefined; appointmentId?: string; locale?: string; onClose: () => void; children?: ReactNode };

const NAMES = ["client.name", "appointment.date", "appointment.time", "business.phone"].map((name) => `{{ ${name} }}`).join(", ");

export function TextSheet({ kept, draft, audience, businessId, appointmentId, locale: chosen, onClose, children }: Props) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const isLimited = useSession().user.business_ids !== null;
  const [name, setName] = useState(kept?.subject ?? "");
  const [text, setText] = useState(kept?.text ?? draft.text);
  const [error, setError] = useState<unknown>(null);
  const locale = kept?.locale ?? chosen ?? i18n.language;
  const change = async (work: () => Promise<unknown>) => {
    setError(null);
    try {
      await work();
      await queries.invalidateQueries({ queryKey: TEXTS });
      onClose();
    } catch (failure) {
      setError(failure);
    }
  };
  const save = () =>
    kept
      ? ask("notifications", `/templates/${kept.id}`, { method: "PATCH", version: kept.version ?? undefined, body: { subject: name.trim(), text } })
      : ask("notifications", "/templates", { method: "POST", body: { kind: "ad_hoc", audience, channel: draft.channel, locale, subject: name.trim(), text, business_id: isLimited ? businessId : null } });
  return (
    <Sheet
      title={t(kept ? "writing.changeTitle" : "writing.keepTitle")}
      onClose={onClose}
      footer={
        <>
          {kept && <Button kind="danger" icon="trash" onPress={() => change(() => ask("notifications", `/templates/${kept.id}`, { method: "DELETE", version: kept.version ?? undefined }))}>{t("remove")}</Button>}
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="primary" isDisabled={!name.trim() || !text.trim()} onPress={() => change(save)}>{t("save")}</Button>
        </>
      }
    >
      <Problem error={error} />
      {children}
      <TextField label={t("writing.name")} value={name} onChange={setName} maxLength={100} autoFocus isRequired />
      <TextField label={t("writing.text")} value={text} onChange={setText} lines={4} maxLength={MOST_SIGNS} isRequired hint={t("writing.names", { names: `\u2068${NAMES}\u2069` })} />
      <AsSent draft={{ channel: draft.channel, text }} audience={audience} locale={locale} appointmentId={appointmentId} title={t("writing.preview")} />
    </Sheet>
  );
}

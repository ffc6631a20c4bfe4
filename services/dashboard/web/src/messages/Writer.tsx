/** Writing to the client of one appointment, below what was written to them. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRight } from "../api/session";
import { draftOf, useDraft } from "../appointments/drafts";
import { Button } from "../ui/Button";
import { Problem } from "../ui/Problem";
import { type Draft, MessageFields, useWritable } from "./MessageFields";
import { OneKey, writeToClient } from "./send";

const EMPTY: Draft = { channel: "", text: "" };

/** What is being written is kept under `about`: the appointment's id, or whatever else it is written about. */
export function Writer({ appointmentId, businessId, about = appointmentId }: { appointmentId: string; businessId: string | undefined; about?: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const writable = useWritable();
  const mayWrite = useRight("send_messages");
  const key = `${about} message`;
  const [kept, setDraft] = useDraft<Draft>(key);
  const draft = kept ?? EMPTY;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const keys = useRef(new OneKey());
  if (!mayWrite || !writable) return null;
  const channel = writable.includes(draft.channel) ? draft.channel : writable[0];
  if (channel === undefined) return <p className="hint">{t("writing.nothing")}</p>;
  const text = draft.text.trim();
  const write = async () => {
    setError(null);
    setBusy(true);
    try {
      await writeToClient(appointmentId, channel, text, keys.current.of(JSON.stringify([appointmentId, channel, text])));
      keys.current.forget();
      // What was written on while it was being sent stays.
      if (draftOf(key) === kept) setDraft({ channel, text: "" });
      void queries.invalidateQueries({ queryKey: ["messages"] });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="writer"
      onSubmit={(event) => {
        event.preventDefault();
        void write();
      }}
    >
      <Problem error={error} />
      <MessageFields draft={{ channel, text: draft.text }} onChange={setDraft} audience="client" businessId={businessId} appointmentId={appointmentId} label={t("messages.write")} />
      <Button type="submit" icon="msg" isDisabled={!text || busy}>
        {t("messages.send")}
      </Button>
    </form>
  );
}

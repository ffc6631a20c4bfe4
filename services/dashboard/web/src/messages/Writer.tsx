/** Writing to the client of one appointment, below what was written to them. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRight } from "../api/session";
import { Button } from "../ui/Button";
import { Problem } from "../ui/Problem";
import { type Draft, MessageFields, useWritable } from "./MessageFields";
import { OneKey, writeToClient } from "./send";

export function Writer({ appointmentId, businessId }: { appointmentId: string; businessId: string | undefined }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const writable = useWritable();
  const mayWrite = useRight("send_messages");
  const [draft, setDraft] = useState<Draft>({ channel: "", text: "" });
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
      setDraft({ channel, text: "" });
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

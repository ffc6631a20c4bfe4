/** Links by which a client reaches their own page: one to hand over, and the end of all of them. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { send } from "../api/client";
import { useRight, useSession } from "../api/session";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { toast } from "../ui/toasts";
import { useAnswer } from "../ui/useAnswer";

type Link = { url: string; expires_at: string };

const LINKS = "/api/dashboard/v1/client-links";

/** A link shows a client's appointments everywhere: it is for those who may see them all. */
export function useMayLink(): boolean {
  const { user } = useSession();
  return useRight("write_clients") && user.business_ids === null && user.resource_id === null;
}

export function ClientLinks({ clientId, name, appointmentId }: { clientId: string; name: string; appointmentId?: string }) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const [shown, setShown] = useState<Link | null>(null);
  const [revoking, setRevoking] = useState(false);
  const until = (link: Link) => clock.dayAndTime(instantOf(link.expires_at));
  const { busy, error, run, clear } = useAnswer();
  const copy = () =>
    run(async () => {
      const { body: link } = await send<Link>(LINKS, { method: "POST", body: { client_id: clientId, appointment_id: appointmentId ?? null } });
      try {
        await navigator.clipboard.writeText(link.url);
        toast(t("links.copied", { time: until(link) }));
      } catch {
        // The browser lets no page copy, or not any more: then people do it.
        setShown(link);
      }
    });
  const revoke = () =>
    run(async () => {
      await send(`${LINKS}/revoke`, { method: "POST", body: { client_id: clientId } });
      setRevoking(false);
      toast(t("links.revoked"));
    });
  return (
    <>
      {!revoking && <Problem error={error} />}
      <div className="row">
        <Button icon="link" isDisabled={busy} onPress={() => void copy()}>{t("links.copy")}</Button>
        <Button kind="quiet" isDisabled={busy} onPress={() => { clear(); setRevoking(true); }}>{t("links.revoke")}</Button>
      </div>
      {shown && (
        <Sheet title={t("links.title")} onClose={() => setShown(null)} footer={<Button onPress={() => setShown(null)}>{t("close")}</Button>}>
          <p>{t("links.here", { time: until(shown) })}</p>
          <TextField label={t("links.address")} value={shown.url} onChange={() => undefined} isReadOnly autoFocus dir="ltr" />
        </Sheet>
      )}
      {revoking && (
        <Sheet title={t("links.revokeTitle", { name })} onClose={() => setRevoking(false)} footer={<><Button onPress={() => setRevoking(false)}>{t("back")}</Button><Button kind="danger" isDisabled={busy} onPress={() => void revoke()}>{t("links.revoke")}</Button></>}>
          <Problem error={error} />
          <p>{t("links.revokeHint")}</p>
        </Sheet>
      )}
    </>
  );
}

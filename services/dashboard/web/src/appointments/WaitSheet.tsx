/** Nothing free: a client is put on the waiting list, for a service on some days. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/booking";
import { useBusiness } from "../business";
import { addDays, type Day, isDay, isoOf, startOfDay } from "../time";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { toast } from "../ui/toasts";
import type { ClientChoice } from "./NewPage";

type Props = { businessId: string; serviceId: string; staff: string | null; client: ClientChoice; day: Day; onClose: () => void; onDone: () => void };

export function WaitSheet({ businessId, serviceId, staff, client, day, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const queries = useQueryClient();
  const [from, setFrom] = useState<string>(day);
  const [to, setTo] = useState<string>(addDays(day, 6));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const made = useRef<string | null>(client.id);
  const key = useRef(crypto.randomUUID());
  const right = isDay(from) && isDay(to) && from <= to;
  const join = async () => {
    setBusy(true);
    setError(null);
    try {
      made.current ??= (await ask<components["schemas"]["ClientOut"]>("booking", "/clients", { method: "POST", body: { name: client.name.trim(), phone: client.phone.trim() || null, email: client.email.trim() || null } })).id;
      const window = { window_from: isoOf(startOfDay(from, clock.zone)), window_to: isoOf(startOfDay(addDays(to, 1), clock.zone)) };
      await ask("booking", "/waiting-list", { method: "POST", key: key.current, body: { business_id: businessId, service_id: serviceId, client_id: made.current, resource_id: staff, ...window } });
      await queries.invalidateQueries({ queryKey: ["waiting-list"] });
      toast(t("waiting.joined", { name: client.name }));
      onDone();
    } catch (failure) {
      key.current = crypto.randomUUID();
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Sheet
      title={t("waiting.join")}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="primary" isDisabled={!right} isPending={busy} onPress={() => void join()}>{t("waiting.join")}</Button>
        </>
      }
    >
      <p className="hint">{t("waiting.hint")}</p>
      <div className="two">
        <TextField label={t("waiting.from")} type="date" value={from} onChange={setFrom} />
        <TextField label={t("waiting.to")} type="date" value={to} onChange={setTo} />
      </div>
      <Problem error={error} />
    </Sheet>
  );
}

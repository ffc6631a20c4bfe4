/** How much the organization sends in a minute on one channel: what is above waits for its turn. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useBusy } from "../ui/busy";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";

type Schemas = components["schemas"];
export type Limit = Schemas["SendLimitOut"];

const KEY = ["send-limits"] as const;

export const useSendLimits = () => useQuery({ queryKey: KEY, queryFn: () => ask<Schemas["SendLimitsOut"]>("notifications", "/send-limits") });

export function SendLimit({ limit }: { limit: Limit }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [typed, setTyped] = useState(limit.per_minute === null ? "" : String(limit.per_minute));
  const [error, setError] = useState<unknown>(null);
  const [busy, once] = useBusy();
  const wanted = /^[0-9]{1,7}$/.test(typed.trim()) ? Number(typed) : 0;
  const change = async (request: { method: "PUT" | "DELETE"; body?: unknown }) => {
    setError(null);
    try {
      await ask("notifications", `/send-limits/${limit.channel}`, { ...request, version: limit.version });
      toast(t("saved"));
    } catch (failure) {
      setError(failure);
    }
    await queries.invalidateQueries({ queryKey: KEY });
  };
  return (
    <form
      className="quiet-hours"
      onSubmit={(event) => {
        event.preventDefault();
        void once(() => change({ method: "PUT", body: { per_minute: wanted } }));
      }}
    >
      <TextField label={t("sendLimit.label")} type="number" value={typed} onChange={setTyped} maxLength={7} dir="ltr" hint={limit.most === null ? t("sendLimit.hint") : t("sendLimit.most", { most: limit.most })} />
      <div className="actions">
        <Button type="submit" isPending={busy} isDisabled={wanted < 1 || wanted === limit.per_minute}>{t("sendLimit.use")}</Button>
        {!limit.is_default && <Button kind="quiet" onPress={() => change({ method: "DELETE" })}>{t("sendLimit.default")}</Button>}
      </div>
      <Problem error={error} />
    </form>
  );
}

/** When nobody is disturbed on one channel, by the clock where the recipient is. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { parseTypedTime } from "../time";
import { useBusy } from "../ui/busy";
import { Button } from "../ui/Button";
import { Checkbox, TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";

type Schemas = components["schemas"];
type Hours = Schemas["ChannelQuietHoursOut"];

const KEY = ["quiet-hours"] as const;
/** What is proposed where there are none yet. */
const NIGHT = { begins: "21:00", ends: "08:00" };

export const useQuietHours = () => useQuery({ queryKey: KEY, queryFn: () => ask<Schemas["QuietHoursOut"]>("notifications", "/quiet-hours") });

const clockOf = (typed: string): string | null => {
  const minutes = parseTypedTime(typed);
  return minutes === null || minutes >= 1440 ? null : `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
};

export function QuietHours({ hours }: { hours: Hours }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const are = hours.begins !== hours.ends;
  const [on, setOn] = useState(are);
  const [begins, setBegins] = useState(are ? hours.begins : NIGHT.begins);
  const [ends, setEnds] = useState(are ? hours.ends : NIGHT.ends);
  const [error, setError] = useState<unknown>(null);
  const [busy, once] = useBusy();
  const from = clockOf(begins);
  const until = clockOf(ends);
  const wanted = on ? { begins: from, ends: until } : { begins: "00:00", ends: "00:00" };
  const isSame = wanted.begins === hours.begins && wanted.ends === hours.ends;
  const change = async (request: { method: "PUT" | "DELETE"; body?: unknown }, said: string) => {
    setError(null);
    try {
      await ask("notifications", `/quiet-hours/${hours.channel}`, { ...request, version: hours.version });
      toast(said);
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
        void once(() => change({ method: "PUT", body: wanted }, t("saved")));
      }}
    >
      <Checkbox value={on} onChange={setOn}>{t("quietHours.on")}</Checkbox>
      {on && (
        <div className="two">
          <TextField label={t("quietHours.begins")} value={begins} onChange={setBegins} maxLength={20} dir="ltr" error={from === null ? t("quietHours.noTime") : null} />
          <TextField label={t("quietHours.ends")} value={ends} onChange={setEnds} maxLength={20} dir="ltr" error={until === null ? t("quietHours.noTime") : null} />
        </div>
      )}
      <div className="actions">
        <Button type="submit" isPending={busy} isDisabled={isSame || (on && (from === null || until === null || from === until))}>{t("save")}</Button>
        {!hours.is_default && <Button kind="quiet" onPress={() => change({ method: "DELETE" }, t("quietHours.reset"))}>{t("quietHours.default")}</Button>}
      </div>
      <Problem error={error} />
    </form>
  );
}

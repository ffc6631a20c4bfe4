import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Appointment } from "../api/appointments";
import { ProblemError } from "../api/client";
import { OneKey } from "../messages/send";
import { now } from "../time";
import { Segments } from "../ui/Segments";
import { toast } from "../ui/toasts";
import { type Scope, cancelSeries, countReached, reachOf, readAgain, sayResults, showChanged, useDate, useSeries } from "./series";
import { CancelSheet } from "./sheets";

type Props = {
  appointment: Appointment;
  onClose: () => void;
  /** Cancels this one alone, as one that does not recur. */
  onThis: (reason: string, notify: boolean) => Promise<void>;
};

/** Cancels one date of a series, this and the following, or all that are still to come. */
export default function SeriesCancel({ appointment, onClose, onThis }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const series = useSeries(appointment.series_id ?? "").data;
  const date = useDate(series, appointment.id);
  const [scope, setScope] = useState<Scope>("this");
  const key = useRef(new OneKey());
  const reach = reachOf(scope, date);

  const cancel = async (reason: string, notify: boolean) => {
    if (scope === "this" || !series) return onThis(reason, notify);
    const body = { ...(reason ? { reason } : {}), notify };
    try {
      const done = await cancelSeries(client, series, reach, body, key.current.of(JSON.stringify([series.version, reach, body])));
      void showChanged(client, series, done);
      toast(sayResults(t, done));
      onClose();
    } catch (failure) {
      if (failure instanceof ProblemError && failure.problem.status === 412) void readAgain(client, series.id);
      throw failure;
    }
  };
  const isOne = scope === "this" || !series;
  return (
    <CancelSheet
      count={isOne ? 1 : countReached(series, reach, now())}
      name={appointment.client.name}
      clients={1}
      notify={appointment.notify_client}
      about={isOne ? { appointment, kind: "cancelled" } : undefined}
      hint={isOne ? undefined : t("cancel.together")}
      erased={!appointment.client.name}
      onClose={onClose}
      onDone={cancel}
    >
      {/* Of a cancelled series its last dates alone are left. */}
      {series?.status === "active" && date !== null && (
        <Segments<Scope>
          label={t("series.scope")}
          value={scope}
          onChange={setScope}
          choices={[
            ["this", t("series.this")],
            ["following", t("series.following")],
            ["all", t("series.all")],
          ]}
        />
      )}
    </CancelSheet>
  );
}

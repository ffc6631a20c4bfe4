/** Why a card goes where a rule stands against it. Where that is refused too, the reason stays to be tried again. */
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { readRefused, useNewest } from "../api/appointments";
import { ReasonSheet } from "../appointments/sheets";
import type { Target } from "./TimeGrid";

type Props = { target: Target; onClose: () => void; onMove: (target: Target, reason: string) => Promise<unknown> };

export default function ForcedMove({ target, onClose, onMove }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const appointment = useNewest(target.appointment);
  const move = async (reason: string) => {
    try {
      await onMove({ ...target, appointment }, reason);
    } catch (failure) {
      readRefused(client, appointment.id, failure);
      throw failure;
    }
    onClose();
  };
  return <ReasonSheet title={t("calendar.override")} action={t("calendar.overrideAction")} onClose={onClose} onDone={move} />;
}

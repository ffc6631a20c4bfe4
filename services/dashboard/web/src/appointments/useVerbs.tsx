/** What can be done with an appointment, in one place: for the row, the drawer and the command keys. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, type PlainAppointment, type VerbBody } from "../api/appointments";
import { ProblemError } from "../api/client";
import { showOwn } from "../api/follow";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { now } from "../time";
import type { IconName } from "../ui/Icon";
import type { Item } from "../ui/Menu";
import { sayError } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { CorrectSheet } from "./CorrectSheet";
import { actOnce } from "./edits";
import { MoveSheet } from "./MoveSheet";
import { CancelSheet, CompleteSheet } from "./sheets";

export const VERB_ICON: Record<string, IconName> = {
  approve: "check",
  decline: "x",
  confirm: "check",
  reschedule: "redo",
  complete: "check2",
  message: "msg",
  edit: "edit",
  no_show: "ban",
  dismiss: "arch",
  reopen: "rep",
  cancel: "x",
  archive: "arch",
  unarchive: "arch",
};
const ORDER = ["approve", "confirm", "complete", "reschedule", "no_show", "reopen", "message", "edit", "dismiss", "decline", "cancel", "archive", "unarchive"];
/** What a right to book is enough for. */
const BOOKING = new Set(["confirm", "reschedule", "cancel"]);
const ACTIVE: ReadonlySet<string> = new Set(["scheduled", "confirmed"]);
const OPEN: ReadonlySet<string> = new Set(["pending", ...ACTIVE]);
const UNDONE_BY_REOPEN = new Set(["complete", "no_show", "dismiss"]);
const ASKS_REASON = new Set(["decline", "cancel"]);
const ASKS = new Set([...ASKS_REASON, "complete", "reschedule", "edit"]);

const FOCUS_AFTER = 50;

function focusNear(id: string): void {
  const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`);
  row?.focus();
  const dots = row?.closest("tr")?.querySelector<HTMLElement>(".act button:last-of-type");
  (dots ?? row ?? document.querySelector<HTMLElement>(".drawer h2, main h1"))?.focus();
}

/** `onMessage` leads to where its client is written to. */
export function useVerbs({ onMessage }: { onMessage: (appointment: Appointment) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { businesses, clock } = useBusiness();
  const mayBook = useRight("book");
  const mayWrite = useRight("write_appointments");
  const maySend = useRight("send_messages");
  const [asking, setAsking] = useState<{ verb: string; appointment: Appointment } | null>(null);

  // Rows tell what can be done now. What time alone stands against is shown too, with when it can be.
  const canBe = (verb: string, appointment: Appointment): boolean => {
    if (verb === "message") return maySend;
    if (verb === "edit") return mayWrite && OPEN.has(appointment.status) && appointment.verbs.includes("update");
    if (!(BOOKING.has(verb) ? mayBook : mayWrite)) return false;
    return appointment.verbs.includes(verb) || (verb === "no_show" && ACTIVE.has(appointment.status));
  };

  /** In the order of likelihood; `why` where it cannot be done now. */
  const verbsOf = (appointment: Appointment): (Item & { id: string })[] =>
    ORDER.filter((verb) => canBe(verb, appointment))
      .map((verb) => {
        const early = verb === "no_show" && Date.parse(appointment.starts_at) > now();
        return {
          id: verb,
          name: t(`verb.${verb}`),
          icon: VERB_ICON[verb],
          danger: verb === "cancel" || verb === "decline",
          why: early ? t("verb.onlyAfter", { time: clock.dayAndTime(Date.parse(appointment.starts_at)) }) : undefined,
        };
      });

  const done = async (appointment: PlainAppointment, verb: string, body: VerbBody) => {
    const changed = await actOnce(appointment, verb, body);
    if (!changed) return;
    void showOwn(client, changed);
    const undo = UNDONE_BY_REOPEN.has(verb) ? [{ name: t("undo"), run: () => void run(changed as Appointment, "reopen", {}) }] : [];
    toast(t(`verb.done.${verb}`, { defaultValue: t(`verb.${verb}`) }), { actions: undo });
  };

  const run = async (appointment: Appointment, verb: string, body: VerbBody) => {
    try {
      await done(appointment, verb, body);
    } catch (failure) {
      if (failure instanceof ProblemError && failure.problem.status === 412) void client.invalidateQueries({ queryKey: ["appointments"] });
      toast(sayError(t, failure), { danger: true });
    }
  };

  /** Does it, or asks first what it needs. */
  const start = (appointment: Appointment, verb: string) => {
    if (verb === "message") onMessage(appointment);
    else if (ASKS.has(verb)) setAsking({ verb, appointment });
    else void run(appointment, verb, {});
  };

  const close = () => {
    const id = asking?.appointment.id ?? "";
    setAsking(null);
    // The menu that led here is gone: the focus goes to its dots, or to what is nearest, and never to nowhere.
    window.setTimeout(() => document.activeElement === document.body && focusNear(id), FOCUS_AFTER);
  };
  const dialog = asking && (
    <>
      {ASKS_REASON.has(asking.verb) && (
        <CancelSheet
          count={1}
          name={asking.appointment.client.name}
          notify={asking.appointment.notify_client}
          onClose={close}
          onDone={async (reason, notify) => {
            await done(asking.appointment, asking.verb, { reason, tell_client: notify });
            close();
          }}
        />
      )}
      {asking.verb === "complete" && (
        <CompleteSheet
          appointment={asking.appointment}
          currency={businesses.find((business) => business.id === asking.appointment.business_id)?.currency ?? "EUR"}
          onClose={close}
          onDone={async (body) => {
            await done(asking.appointment, "complete", body);
            close();
          }}
        />
      )}
      {asking.verb === "reschedule" && <MoveSheet appointment={asking.appointment} onClose={close} />}
      {asking.verb === "edit" && <CorrectSheet appointment={asking.appointment} onClose={close} />}
    </>
  );
  return { verbsOf, start, dialog };
}

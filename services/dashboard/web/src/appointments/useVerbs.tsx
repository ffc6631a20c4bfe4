/** What can be done with an appointment, in one place: for the row, the drawer and the command keys. */
import { useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Appointment, type PlainAppointment, type VerbBody, readRefused, useNewest } from "../api/appointments";
import { ProblemError } from "../api/client";
import { showOwn } from "../api/follow";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { now } from "../time";
import type { IconName } from "../ui/Icon";
import type { Item } from "../ui/Menu";
import { sayError } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { actOnce } from "./edits";
import { CancelSheet, CompleteSheet } from "./sheets";

/* Of files of their own: most days most appointments stay where they are. */
const CorrectSheet = lazy(() => import("./CorrectSheet").then(({ CorrectSheet }) => ({ default: CorrectSheet })));
const MoveSheet = lazy(() => import("./MoveSheet").then(({ MoveSheet }) => ({ default: MoveSheet })));
const SeriesCancel = lazy(() => import("./SeriesCancel"));
const SeriesChange = lazy(() => import("./SeriesChange"));

export const VERB_ICON: Record<string, IconName> = {
  approve: "check",
  decline: "x",
  confirm: "check",
  reschedule: "redo",
  complete: "check2",
  message: "msg",
  edit: "edit",
  series: "rep",
  no_show: "ban",
  dismiss: "arch",
  reopen: "rep",
  cancel: "x",
  archive: "arch",
  unarchive: "arch",
};
const ORDER = ["approve", "confirm", "complete", "reschedule", "no_show", "reopen", "message", "edit", "series", "dismiss", "decline", "cancel", "archive", "unarchive"];
/** What a right to book is enough for. */
const BOOKING = new Set(["confirm", "reschedule", "cancel"]);
const ACTIVE: ReadonlySet<string> = new Set(["scheduled", "confirmed"]);
const OPEN: ReadonlySet<string> = new Set(["pending", ...ACTIVE]);
const UNDONE_BY_REOPEN = new Set(["complete", "no_show", "dismiss"]);
const ASKS_REASON = new Set(["decline", "cancel"]);
const ASKS = new Set([...ASKS_REASON, "complete", "reschedule", "edit", "series"]);

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
  const { clock } = useBusiness();
  const mayBook = useRight("book");
  const mayWrite = useRight("write_appointments");
  const maySend = useRight("send_messages");
  const [asking, setAsking] = useState<{ verb: string; appointment: Appointment } | null>(null);

  // Rows tell what can be done now. What time alone stands against is shown too, with when it can be.
  const canBe = (verb: string, appointment: Appointment): boolean => {
    if (verb === "message") return maySend;
    if (verb === "edit") return mayWrite && OPEN.has(appointment.status) && appointment.verbs.includes("update");
    if (verb === "series") return mayBook && appointment.series_id !== null && OPEN.has(appointment.status);
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
    <Suspense fallback={null}>
      <Asked {...asking} onClose={close} onDone={done} />
    </Suspense>
  );
  return { verbsOf, start, dialog };
}

type AskedProps = { verb: string; appointment: Appointment; onClose: () => void; onDone: (appointment: Appointment, verb: string, body: VerbBody) => Promise<void> };

/** What a verb needs to know, about the appointment as it is by then: what was typed outlives a change by somebody else. */
function Asked({ verb, appointment: shown, onClose, onDone }: AskedProps) {
  const client = useQueryClient();
  const { businesses } = useBusiness();
  const appointment = useNewest(shown);
  const go = async (body: VerbBody) => {
    try {
      await onDone(appointment, verb, body);
    } catch (failure) {
      readRefused(client, appointment.id, failure);
      throw failure;
    }
    onClose();
  };
  if (verb === "series") return <SeriesChange appointment={appointment} onClose={onClose} />;
  if (verb === "cancel" && appointment.series_id !== null && appointment.client.name) return <SeriesCancel appointment={appointment} onClose={onClose} onThis={(reason, notify) => go({ reason, tell_client: notify })} />;
  if (ASKS_REASON.has(verb)) return <CancelSheet count={1} name={appointment.client.name} notify={appointment.notify_client} about={{ appointment, kind: verb === "cancel" ? "cancelled" : "declined" }} erased={!appointment.client.name} onClose={onClose} onDone={(reason, notify) => go({ ...(reason ? { reason } : {}), tell_client: notify })} />;
  if (verb === "complete") return <CompleteSheet appointment={appointment} currency={businesses.find((business) => business.id === appointment.business_id)?.currency ?? "EUR"} onClose={onClose} onDone={go} />;
  if (verb === "reschedule") return <MoveSheet appointment={appointment} onClose={onClose} />;
  return <CorrectSheet appointment={appointment} onClose={onClose} />;
}

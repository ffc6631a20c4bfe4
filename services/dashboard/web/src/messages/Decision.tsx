/** Of a message that may have gone out: what is known of it, what the reader decides, and who has decided. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ask, ProblemError } from "../api/client";
import { useNames } from "../api/names";
import { useRight } from "../api/session";
import { type Clock, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Problem, nameReason } from "../ui/Problem";
import { type Outbound, withMessage } from "./thread";
import "./messages.css";

type Verb = "confirm-sent" | "send-again" | "give-up";

/** Other lists and numbers that a decision changes. */
const CHANGED = [["messages", "undelivered"], ["messages", "unknown"], ["signals"], ["reminders"]] as const;

export function Decision({ message, clock }: { message: Outbound; clock: Clock }) {
  const isUnknown = message.status === "unknown";
  const [error, setError] = useState<unknown>(null);
  const line = useRef<HTMLElement>(null);
  const isOwn = useRef(false);
  const decidedAt = message.decision?.at;
  // The button that was pressed is gone: whoever works by keys goes on where the answer stands.
  useEffect(() => {
    if (isOwn.current && decidedAt) line.current?.focus();
    isOwn.current = false;
  }, [decidedAt]);
  if (!isUnknown && !message.decision && !error) return null;
  return (
    <div className="decision">
      {isUnknown && (
        <Question
          message={message}
          onError={setError}
          onDecided={() => {
            isOwn.current = true;
          }}
        />
      )}
      <Refusal error={error} />
      {message.decision && <Decided decision={message.decision} clock={clock} line={line} />}
    </div>
  );
}

function Question({ message, onDecided, onError }: { message: Outbound; onDecided: () => void; onError: (error: unknown) => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const mayDecide = useRight("send_messages");
  const [pending, setPending] = useState<Verb | null>(null);
  const decide = async (verb: Verb) => {
    setPending(verb);
    onError(null);
    try {
      const answered = await ask<Outbound>("notifications", `/messages/${message.id}/${verb}`, { method: "POST", version: message.version });
      // A reading that is under way may tell of before.
      await queries.cancelQueries({ queryKey: ["messages"] });
      onDecided();
      queries.setQueriesData({ queryKey: ["messages"] }, (kept: unknown) => withMessage(kept, answered));
      for (const queryKey of CHANGED) void queries.invalidateQueries({ queryKey });
    } catch (problem) {
      onError(problem);
      await queries.invalidateQueries({ queryKey: ["messages"] });
    } finally {
      setPending(null);
    }
  };
  const button = (verb: Verb, text: string) => (
    <Button isPending={pending === verb} isDisabled={pending !== null && pending !== verb} onPress={() => void decide(verb)}>
      {text}
    </Button>
  );
  return (
    <>
      <p>
        <b>{t("undecided.title")}</b> {t("undecided.how")}
      </p>
      {mayDecide && (
        <div className="row" role="group" aria-label={t("undecided.title")}>
          {button("confirm-sent", t("undecided.confirmSent"))}
          {button("send-again", t("undecided.sendAgain"))}
          {button("give-up", t("undecided.giveUp"))}
        </div>
      )}
    </>
  );
}

/** Why it is not sent again; else what any refusal says. */
function Refusal({ error }: { error: unknown }) {
  const { t } = useTranslation();
  if (!(error instanceof ProblemError) || error.code !== "send_again_refused") return <Problem error={error} />;
  const why = error.problem.reasons?.map((reason) => nameReason(t, reason)).join(", ");
  return (
    <p className="bad" role="alert">
      {t("undecided.refused", { why })}
    </p>
  );
}

function Decided({ decision, clock, line }: { decision: NonNullable<Outbound["decision"]>; clock: Clock; line: React.Ref<HTMLElement> }) {
  const { t } = useTranslation();
  const name = useNames([decision.user_id]).get(decision.user_id) ?? t("undecided.somebody");
  return (
    <small ref={line} tabIndex={-1} role="status">
      {t(`undecided.said.${decision.decision}`, { name })} <time dateTime={decision.at}>{clock.dayAndTime(instantOf(decision.at))}</time>
    </small>
  );
}

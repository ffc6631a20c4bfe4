/** What somebody wrote back, in their words, and what came of it. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type Clock, instantOf } from "../time";
import type { Inbound } from "./thread";
import { isUnread, New } from "./unread";

/** `named`: with who wrote it, where that does not go without saying. */
export function InboundWords({ message, named = false }: { message: Inbound; named?: boolean }) {
  const { t } = useTranslation();
  return (
    <div>
      {isUnread(message) && <New />} {t(`inbound.meaning.${message.meaning}`, { defaultValue: message.meaning })}
      {named && message.client_id && message.client_name && (
        <>
          {" "}
          ·{" "}
          <Link to="/clients/$id" params={{ id: message.client_id }}>
            <bdi>{message.client_name}</bdi>
          </Link>
        </>
      )}
      {message.text ? <q dir="auto">{message.text}</q> : <small>{t("inbound.noText")}</small>}
      <small>
        <bdi dir="ltr">{message.address}</bdi>
      </small>
    </div>
  );
}

export function InboundState({ message, clock }: { message: Inbound; clock: Clock }) {
  const { t } = useTranslation();
  const reason = message.reason && t(`inbound.reason.${message.reason}`, { defaultValue: t(`code.${message.reason}`, { defaultValue: message.reason }) });
  return (
    <span className={message.status === "for_staff" ? "bad" : ""}>
      {t(`inbound.status.${message.status}`, { defaultValue: message.status })} <time dateTime={message.received_at}>{clock.dayAndTime(instantOf(message.received_at))}</time>
      {reason && <small>{reason}</small>}
    </span>
  );
}

/** What somebody wrote back, in their words, and what came of it. */
import { useTranslation } from "react-i18next";
import { type Clock, instantOf } from "../time";
import { Icon } from "../ui/Icon";
import type { Inbound } from "./thread";

export function InboundLine({ message, clock }: { message: Inbound; clock: Clock }) {
  return (
    <div className="ln">
      <Icon name={message.channel === "voice" ? "call" : "msg"} />
      <InboundWords message={message} />
      <InboundState message={message} clock={clock} />
    </div>
  );
}

export function InboundWords({ message }: { message: Inbound }) {
  const { t } = useTranslation();
  return (
    <div>
      {t(`inbound.meaning.${message.meaning}`, { defaultValue: message.meaning })}
      <small>
        {message.text ? <q dir="auto">{message.text}</q> : t("inbound.noText")} <bdi dir="ltr">{message.address}</bdi>
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

/** What was written to somebody and what they wrote back, newest first; it follows without a reload. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { type Clock, instantOf } from "../time";
import { Icon, type IconName } from "../ui/Icon";
import { Waiting } from "../ui/Page";
import { Decision } from "./Decision";
import { InboundState, InboundWords } from "./InboundLine";
import { type Inbound, type Outbound, threadOf } from "./thread";
import { useReading } from "./unread";

type Schemas = components["schemas"];

/** No event tells of a message that goes out, or of a text that comes in. */
export const LOOK_AGAIN = 10_000;
const NOTHING: readonly Inbound[] = [];
export const ICON: Record<string, IconName> = { email: "mail", sms: "msg", voice: "call", push: "bell" };

/** Of one appointment, or of one client. */
export function Thread({ about, clock, most = 100 }: { about: { appointment_id: string } | { client_id: string }; clock: Clock; most?: number }) {
  const { t } = useTranslation();
  const query = { ...about, limit: most };
  const key = Object.values(about);
  const outbound = useQuery({ queryKey: ["messages", ...key], queryFn: () => ask<Schemas["Page_MessageOut_"]>("notifications", "/messages", { query }), refetchInterval: LOOK_AGAIN });
  const inbound = useQuery({ queryKey: ["messages", ...key, "inbound"], queryFn: () => ask<Schemas["Page_InboundMessageOut_"]>("notifications", "/inbound-messages", { query }), refetchInterval: LOOK_AGAIN });
  useReading(outbound.data ? (inbound.data?.items ?? NOTHING) : NOTHING);
  if (!outbound.data || !inbound.data) return <Waiting error={outbound.error ?? inbound.error} rows={3} />;
  const thread = threadOf(outbound.data.items, inbound.data.items);
  if (thread.length === 0) return <p className="hint">{t("messages.none")}</p>;
  return thread.map(({ from, message }) => (
    <div className="ln msg" key={message.id}>
      <Icon name={ICON[message.channel] ?? "msg"} />
      {from === "client" ? (
        <div>
          <InboundWords message={message} />
          <InboundState message={message} clock={clock} />
        </div>
      ) : (
        <div>
          <OutboundWords message={message} />
          <MessageState message={message} clock={clock} />
          <Decision message={message} clock={clock} />
        </div>
      )}
    </div>
  ));
}

/** What it told, to whom, and of a text what it said and what it took. */
export function OutboundWords({ message }: { message: Outbound }) {
  const { t } = useTranslation();
  return (
    <div>
      {t(`message.${message.kind}`, { defaultValue: message.kind })}
      <small>
        <bdi>{message.recipient_name}</bdi> <bdi dir="ltr">{message.address}</bdi>
      </small>
      <Text message={message} />
    </div>
  );
}

/** Of what is no mail its words, of an SMS in how many parts it went, and what it cost where that was told. */
export function Text({ message }: { message: Outbound }) {
  const { t, i18n } = useTranslation();
  if (message.channel === "email") return null;
  const cost = message.cost && new Intl.NumberFormat(i18n.language, { style: "currency", currency: message.cost.currency, maximumFractionDigits: 4 }).format(Number(message.cost.amount));
  const size = [message.segments && t("messages.parts", { count: message.segments }), cost].filter(Boolean).join(" · ");
  return (
    <>
      {message.text && <q dir="auto">{message.text}</q>}
      {size && (
        <small>
          <bdi>{size}</bdi>
        </small>
      )}
    </>
  );
}

/** A state with the reason for it; bad news in red. */
export function MessageState({ message, clock }: { message: Pick<Outbound, "status" | "reason" | "due_at" | "sent_at"> & { code?: string | null }; clock: Clock }) {
  const { t, i18n } = useTranslation();
  const at = message.sent_at ?? message.due_at;
  const bad = ["failed", "unknown"].includes(message.status);
  const why = message.reason ?? (message.code && i18n.exists(`code.${message.code}`) ? message.code : null);
  return (
    <span className={bad ? "bad" : ""}>
      {t(`outcome.${message.status}`, { defaultValue: message.status })} <time dateTime={at}>{clock.dayAndTime(instantOf(at))}</time>
      {why && <small>{t(`code.${why}`, { defaultValue: why })}</small>}
    </span>
  );
}

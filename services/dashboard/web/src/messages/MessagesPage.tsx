/** Every message over all appointments: what was planned, sent, held back, and why. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { aheadQuery } from "../api/attention";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useBusiness } from "../business";
import { Button } from "../ui/Button";
import { Select } from "../ui/fields";
import { Empty, Page, Waiting } from "../ui/Page";
import { Decision } from "./Decision";
import { InboundList } from "./InboundList";
import OrderProgress from "./OrderProgress";
import { LOOK_AGAIN, MessageState, Text } from "./Thread";
import type { Outbound } from "./thread";
import { UnknownBadge } from "./unknown";
import { UnreadBadge } from "./unread";

const STATES = ["planned", "sent", "delivered", "failed", "suppressed", "unknown"] as const;
const INBOUND = "inbound";
/** Reminders that did not arrive, of appointments that lie ahead: what the list tells of. */
const UNDELIVERED = "undelivered";
const CHANNELS = ["email", "sms", "voice", "push"] as const;

export function MessagesPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/messages" });
  const navigate = useNavigate({ from: "/messages" });
  const { clock } = useBusiness();
  const pages = useInfiniteQuery({
    queryKey: ["messages", "ledger", search],
    queryFn: ({ pageParam, signal }) => ask<components["schemas"]["Page_MessageOut_"]>("notifications", "/messages", { query: { ...(search.state === UNDELIVERED ? aheadQuery() : { status: search.state }), channel: search.channel, order_id: search.order, limit: 50, cursor: pageParam }, signal }),
    enabled: search.state !== INBOUND,
    refetchInterval: LOOK_AGAIN,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
  });
  const messages: Outbound[] = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page title={t("nav.messages")}>
      <div className="filters">
        <Select hiddenLabel label={t("messages.channel")} value={search.channel ?? "all"} onChange={(channel) => void navigate({ search: (kept) => ({ ...kept, channel: channel === "all" ? undefined : channel }) })} options={[{ id: "all", name: t("messages.allChannels") }, ...CHANNELS.map((id) => ({ id, name: t(`channel.${id}`) }))]} />
      </div>
      <nav className="tabs" aria-label={t("messages.byState")}>
        <button type="button" aria-current={!search.state ? "page" : undefined} onClick={() => void navigate({ search: (kept) => ({ ...kept, state: undefined }) })}>{t("list.all")}</button>
        {STATES.map((state) => (
          <button type="button" key={state} aria-current={search.state === state ? "page" : undefined} onClick={() => void navigate({ search: (kept) => ({ ...kept, state }) })}>{t(`outcome.${state}`)}{state === "unknown" && <UnknownBadge />}</button>
        ))}
        <button type="button" aria-current={search.state === UNDELIVERED ? "page" : undefined} onClick={() => void navigate({ search: (kept) => ({ ...kept, state: UNDELIVERED }) })}>{t("attention.undelivered")}</button>
        <button type="button" aria-current={search.state === INBOUND ? "page" : undefined} onClick={() => void navigate({ search: { state: INBOUND } })}>{t("inbound.title")} <UnreadBadge /></button>
      </nav>
      <div className="scroll">
        {search.order && search.state !== INBOUND && (
          <div className="of-order">
            <OrderProgress key={search.order} orderId={search.order} />
            <Link to="/messages" search={(kept) => ({ ...kept, order: undefined })}>{t("order.leave")}</Link>
          </div>
        )}
        {search.state === INBOUND ? (
          <InboundList />
        ) : pages.isPending || (pages.isError && !messages.length) ? (
          <Waiting error={pages.error} />
        ) : !messages.length ? (
          <Empty title={t("messages.none")} />
        ) : (
          <table className="plain-table messages-table">
            <thead>
              <tr>
                <th>{t("messages.what")}</th>
                <th>{t("messages.to")}</th>
                <th>{t("messages.state")}</th>
              </tr>
            </thead>
            <tbody>
              {messages.map((message) => (
                <tr key={message.id}>
                  <td>
                    {message.appointment_id ? <Link to="/appointments/$id" params={{ id: message.appointment_id }}>{t(`message.${message.kind}`, { defaultValue: message.kind })}</Link> : t(`message.${message.kind}`, { defaultValue: message.kind })}
                    <small>{t(`channel.${message.channel}`)}</small>
                    <Text message={message} />
                    {message.order_id && !search.order && <small><Link to="/messages" search={{ order: message.order_id }}>{t("order.show")}</Link></small>}
                  </td>
                  <td>
                    <bdi>{message.recipient_name ?? "–"}</bdi>
                    <small><bdi dir="ltr">{message.address}</bdi></small>
                  </td>
                  <td>
                    <MessageState message={message} clock={clock} />
                    <Decision message={message} clock={clock} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {search.state !== INBOUND && pages.hasNextPage && <Button isPending={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>{t("more")}</Button>}
      </div>
    </Page>
  );
}

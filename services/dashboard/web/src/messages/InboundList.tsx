/** What clients wrote back, over all appointments. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { Button } from "../ui/Button";
import { Empty, Waiting } from "../ui/Page";
import { LOOK_AGAIN } from "./Thread";
import { Problem } from "../ui/Problem";
import { InboundState, InboundWords } from "./InboundLine";
import { isUnread, useMarkRead } from "./unread";

export function InboundList() {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const mayWrite = useRight("send_messages");
  const markRead = useMarkRead();
  const [error, setError] = useState<unknown>(null);
  const pages = useInfiniteQuery({
    queryKey: ["messages", "inbound"],
    queryFn: ({ pageParam, signal }) => ask<components["schemas"]["Page_InboundMessageOut_"]>("notifications", "/inbound-messages", { query: { limit: 50, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    refetchInterval: LOOK_AGAIN,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const messages = pages.data?.pages.flatMap((page) => page.items) ?? [];
  if (pages.isPending || (pages.isError && !messages.length)) return <Waiting error={pages.error} />;
  if (!messages.length) return <Empty title={t("messages.none")} />;
  return (
    <>
      <Problem error={error} />
      <table className="plain-table messages-table">
        <thead>
          <tr>
            <th>{t("messages.what")}</th>
            <th>{t("inbound.about")}</th>
            <th>{t("messages.state")}</th>
          </tr>
        </thead>
        <tbody>
          {messages.map((message) => (
            <tr key={message.id}>
              <td><InboundWords message={message} named /></td>
              <td>{message.appointment_id ? <Link to="/appointments/$id" params={{ id: message.appointment_id }}>{t("inbound.appointment")}</Link> : "–"}</td>
              <td>
                <InboundState message={message} clock={clock} />
                {mayWrite && isUnread(message) && (
                  <Button icon="check" onPress={() => void markRead([message.id]).catch(setError)}>
                    {t("unread.mark")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {pages.hasNextPage && <Button isPending={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>{t("more")}</Button>}
    </>
  );
}

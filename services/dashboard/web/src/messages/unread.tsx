/** What clients wrote and nobody has read: how many, and that one has read them, for all desks. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useRight } from "../api/session";
import { Icon } from "../ui/Icon";
import type { Inbound } from "./thread";
import "./messages.css";

type Schemas = components["schemas"];

/** An event tells of each; this is for those that were missed. */
const LOOK_AGAIN = 60_000;
/** As many as one request names. */
const MOST = 100;
const COUNT = ["messages", "unread"] as const;

export const isUnread = (message: Inbound): boolean => message.status === "for_staff" && message.read_at === null;

export function useUnread(): number {
  const mayRead = useRight("read_messages");
  const { data } = useQuery({ queryKey: COUNT, queryFn: () => ask<Schemas["UnreadOut"]>("notifications", "/inbound-messages/unread"), refetchInterval: LOOK_AGAIN, enabled: mayRead });
  return mayRead ? (data?.unread ?? 0) : 0;
}

/** Beside the name of where they are read. */
export function UnreadBadge() {
  const { t, i18n } = useTranslation();
  const count = useUnread();
  if (!count) return null;
  return (
    <>
      <em className="lb" aria-label={t("unread.count", { count })}>
        {new Intl.NumberFormat(i18n.language).format(count)}
      </em>
      <UnreadDot />
    </>
  );
}

/** Where there is no room for the number. */
export function UnreadDot() {
  const { t } = useTranslation();
  const count = useUnread();
  if (!count) return null;
  return (
    <span className="dot-new">
      <span className="sr">{t("unread.count", { count })}</span>
    </span>
  );
}

export function useMarkRead(): (ids: readonly string[]) => Promise<void> {
  const queries = useQueryClient();
  return async (ids) => {
    const { unread } = await ask<Schemas["UnreadOut"]>("notifications", "/inbound-messages/read", { method: "POST", body: { ids: ids.slice(0, MOST) } });
    queries.setQueryData(COUNT, { unread });
    await queries.invalidateQueries({ queryKey: ["messages"] });
  };
}

/** Whoever has a thread in front of them has read it: what is shown of it is marked, once each. */
export function useReading(shown: readonly Inbound[]): void {
  const mayWrite = useRight("send_messages");
  const marked = useRef(new Set<string>());
  const mark = useMarkRead();
  const fresh = mayWrite ? shown.filter((message) => isUnread(message) && !marked.current.has(message.id)).map((message) => message.id) : [];
  const key = fresh.join();
  useEffect(() => {
    if (!key) return;
    const ids = key.split(",").slice(0, MOST);
    const read = () => {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", read);
      for (const id of ids) marked.current.add(id);
      mark(ids).catch(() => {
        for (const id of ids) marked.current.delete(id);
      });
    };
    document.addEventListener("visibilitychange", read);
    read();
    return () => document.removeEventListener("visibilitychange", read);
  }, [key]);
}

export function New() {
  const { t } = useTranslation();
  return (
    <b className="new">
      <Icon name="msg" />
      {t("unread.new")}
    </b>
  );
}

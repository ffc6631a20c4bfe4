/** Messages of which nobody knows whether they went out: how many somebody still has to decide about. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import "./messages.css";

/** No event tells of them. */
const LOOK_AGAIN = 60_000;

export function UnknownBadge() {
  const { t, i18n } = useTranslation();
  const { data: count } = useQuery({
    queryKey: ["messages", "unknown"],
    queryFn: ({ signal }) => ask<components["schemas"]["MessageCountsOut"]>("notifications", "/messages/counts", { query: { status: "unknown" }, signal }),
    select: (counts) => counts.total,
    refetchInterval: LOOK_AGAIN,
  });
  if (!count) return null;
  return (
    <>
      {" "}
      <em aria-label={t("undecided.count", { count })}>{new Intl.NumberFormat(i18n.language).format(count)}</em>
    </>
  );
}

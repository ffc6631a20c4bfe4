import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/booking";
import { useRight } from "../api/session";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Empty, Page, Waiting } from "../ui/Page";
import { Avatar } from "../ui/Pill";
import { ClientSheet } from "./ClientSheet";

export type Client = components["schemas"]["ClientOut"];
type ClientPage = { items: Client[]; next_cursor?: string | null };

export function ClientsPage() {
  const { t } = useTranslation();
  const { q } = useSearch({ from: "/clients" });
  const navigate = useNavigate({ from: "/clients" });
  const mayWrite = useRight("write_clients");
  const [adding, setAdding] = useState(false);
  const pages = useInfiniteQuery({
    queryKey: ["clients", "list", q],
    queryFn: ({ pageParam, signal }) => ask<ClientPage>("booking", "/clients", { query: { q, limit: 50, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
  });
  const clients = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title={t("nav.clients")}
      actions={
        <>
          <label className="find">
            <Icon name="search" />
            <span className="sr">{t("clients.search")}</span>
            <input type="search" defaultValue={q ?? ""} placeholder={t("clients.search")} maxLength={200} onChange={(event) => void navigate({ search: { q: event.target.value || undefined }, replace: true })} />
          </label>
          {mayWrite && (
            <Button kind="primary" icon="plus" onPress={() => setAdding(true)}>
              {t("clients.add")}
            </Button>
          )}
        </>
      }
    >
      <div className="scroll pad">
        {pages.isPending || (pages.isError && !clients.length) ? (
          <Waiting error={pages.error} />
        ) : !clients.length ? (
          <Empty title={q ? t("list.nothingMatches") : t("clients.none")} />
        ) : (
          <ul className="people-list">
            {clients.map((client) => (
              <li key={client.id}>
                <Link to="/clients/$id" params={{ id: client.id }}>
                  <Avatar name={client.name} />
                  <span>
                    <b>
                      <bdi>{client.name}</bdi>
                    </b>
                    <small>
                      <bdi dir="ltr">{client.phone}</bdi> <bdi>{client.email}</bdi>
                    </small>
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        )}
        {pages.hasNextPage && (
          <Button isPending={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>
            {t("more")}
          </Button>
        )}
      </div>
      {adding && <ClientSheet onClose={() => setAdding(false)} onDone={(client) => void navigate({ to: "/clients/$id", params: { id: client.id } })} />}
    </Page>
  );
}

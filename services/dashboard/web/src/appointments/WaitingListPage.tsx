/** Who waits for which service, in the order of offers. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useResources, useServices } from "../api/catalogue";
import { ask } from "../api/client";
import type { components } from "../api/schema/booking";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { Select } from "../ui/fields";
import { Empty, Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";

type Entries = components["schemas"]["Page_WaitingListEntryOut_"];
const ALL = "all";

export function WaitingListPage() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { business, clock } = useBusiness();
  const services = (useServices().data ?? []).filter((service) => service.business_id === business?.id);
  const people = useResources().data ?? [];
  const mayBook = useRight("book");
  const [service, setService] = useState(ALL);
  const [error, setError] = useState<unknown>(null);
  const pages = useInfiniteQuery({
    queryKey: ["waiting-list", business?.id, service],
    enabled: business !== undefined,
    queryFn: ({ pageParam, signal }) =>
      ask<Entries>("booking", "/waiting-list", { query: { business_id: business?.id, service_id: service === ALL ? undefined : service, status: ["waiting", "offered"], limit: 50, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const entries = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const leave = async (entry: Entries["items"][number]) => {
    setError(null);
    try {
      await ask("booking", `/waiting-list/${entry.id}`, { method: "DELETE", version: entry.version });
    } catch (failure) {
      setError(failure);
    }
    await queries.invalidateQueries({ queryKey: ["waiting-list"] });
  };
  const state = (entry: Entries["items"][number]) =>
    entry.offer && entry.status === "offered"
      ? t("waiting.offered", { time: clock.dayAndTime(instantOf(entry.offer.starts_at)), until: clock.time(instantOf(entry.offer.expires_at)) })
      : t("waiting.waits");
  return (
    <Page title={t("nav.waiting")}>
      <div className="scroll pad">
        <Select label={t("field.service")} value={service} onChange={setService} options={[{ id: ALL, name: t("waiting.all") }, ...services.map((item) => ({ id: item.id, name: item.name }))]} />
        <Problem error={error} />
        {pages.isPending || (pages.isError && !entries.length) ? (
          <Waiting error={pages.error} />
        ) : !entries.length ? (
          <Empty title={t("waiting.none")} />
        ) : (
          <section className="panel">
            {entries.map((entry) => (
              <div className="ln" key={entry.id}>
                <span>
                  <Link to="/clients/$id" params={{ id: entry.client_id }}><b><bdi>{entry.client_name}</bdi></b></Link>{" "}
                  <small>
                    <bdi>{services.find((item) => item.id === entry.service_id)?.name}</bdi>
                    {entry.resource_id && <> · <bdi>{people.find((person) => person.id === entry.resource_id)?.name}</bdi></>}
                  </small>
                  <br />
                  <small>{clock.dayAndTime(instantOf(entry.window_from))} – {clock.dayAndTime(instantOf(entry.window_to))}</small>
                </span>
                <span>
                  {state(entry)}
                  {entry.last_failure && <small className="amber"> {t("waiting.failed", { time: clock.dayAndTime(instantOf(entry.last_failure.failed_at)) })}</small>}
                </span>
                {mayBook && <Button kind="quiet" icon="trash" aria-label={t("waiting.leave", { name: entry.client_name })} onPress={() => void leave(entry)} />}
              </div>
            ))}
            {pages.hasNextPage && <Button onPress={() => void pages.fetchNextPage()}>{t("more")}</Button>}
          </section>
        )}
      </div>
    </Page>
  );
}

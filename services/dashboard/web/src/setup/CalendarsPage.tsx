/** Calendars read in, and feeds given out: state, last reading, what could not be read. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useResources } from "../api/catalogue";
import { ask } from "../api/client";
import type { components } from "../api/schema/calendar-sync";
import { useRight, useSession } from "../api/session";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { Select, TextField } from "../ui/fields";
import { Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { calendarErrorKey } from "./calendarErrors";

type Schemas = components["schemas"];

export function CalendarsPage() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { clock } = useBusiness();
  const people = (useResources().data ?? []).filter((resource) => resource.kind === "staff" && !resource.archived);
  const connections = useQuery({
    queryKey: ["connections"],
    queryFn: () => ask<Schemas["Page_ConnectionOut_"]>("calendar-sync", "/connections", { query: { limit: 100 } }),
    // A new calendar is read within seconds: what came of it is shown without being asked for.
    refetchInterval: (query) => (query.state.data?.items.some((connection) => connection.state === "pending") ? 2_000 : false),
  });
  const feeds = useQuery({ queryKey: ["feeds"], queryFn: () => ask<Schemas["Page_FeedOut_"]>("calendar-sync", "/feeds", { query: { limit: 100 } }) });
  const mayWrite = useRight("write_calendars");
  const mayWriteOwn = useRight("write_own_calendar");
  const own = useSession().user.resource_id;
  const mayConnect = (resource: string) => mayWrite || (mayWriteOwn && resource === own);
  const connectable = people.filter((resource) => mayConnect(resource.id));
  const [person, setPerson] = useState<string | null>(null);
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [issued, setIssued] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const nameOf = (id: string) => people.find((resource) => resource.id === id)?.name ?? "–";
  const run = async <T,>(work: Promise<T>): Promise<T | undefined> => {
    setError(null);
    try {
      const done = await work;
      await Promise.all(["connections", "feeds"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
      return done;
    } catch (failure) {
      setError(failure);
      return undefined;
    }
  };
  return (
    <Page title={t("nav.calendars")}>
      <div className="scroll pad">
        <Problem error={error} />
        <section className="panel">
          <h2>{t("calendars.read")}</h2>
          {!connections.data ? <Waiting error={connections.error} rows={3} /> : connections.data.items.map((connection) => (
            <div className="ln" key={connection.id}>
              <div>
                <b><bdi>{connection.name}</bdi></b> · <bdi>{nameOf(connection.resource_id)}</bdi>
                <small>
                  {t(`calendars.state.${connection.state}`, { defaultValue: connection.state })} · {t("calendars.busy", { count: connection.busy_instances })}
                  {connection.last_success_at && ` · ${t("calendars.last", { time: clock.dayAndTime(instantOf(connection.last_success_at)) })}`}
                </small>
                {connection.last_error && <small className="bad">{t(calendarErrorKey(connection.last_error.code))}</small>}
              </div>
              <span />
              {mayConnect(connection.resource_id) && <Button onPress={() => run(ask("calendar-sync", `/connections/${connection.id}/sync`, { method: "POST" })).then((done) => done !== undefined && toast(t("calendars.asked")))}>{t("calendars.now")}</Button>}
              {mayConnect(connection.resource_id) && <Button kind="quiet" icon="trash" aria-label={t("remove")} onPress={() => run(ask("calendar-sync", `/connections/${connection.id}`, { method: "DELETE", version: connection.version }))} />}
            </div>
          ))}
          {connectable.length > 0 && (
            <div className="three">
              <Select label={t("field.staff")} value={person} onChange={setPerson} options={connectable} />
              <TextField label={t("field.name")} value={name} onChange={setName} maxLength={200} />
              <TextField label={t("calendars.address")} type="url" value={url} onChange={setUrl} placeholder="https://" />
              <Button isDisabled={!person || !name.trim() || !url.trim()} onPress={() => run(ask("calendar-sync", "/connections", { method: "POST", body: { kind: "ics", resource_id: person, name: name.trim(), url: url.trim() } })).then((done) => { if (done !== undefined) { setUrl(""); setName(""); } })}>{t("calendars.connect")}</Button>
            </div>
          )}
        </section>
        <section className="panel">
          <h2>{t("calendars.feeds")}</h2>
          {issued && <p className="amber">{t("calendars.once")} <code dir="ltr">{issued}</code></p>}
          {!feeds.data ? <Waiting error={feeds.error} rows={3} /> : feeds.data.items.map((feed) => (
            <div className="ln" key={feed.id}>
              <div><b><bdi>{feed.name}</bdi></b> · <bdi>{nameOf(feed.resource_id)}</bdi></div>
              <span />
              {mayWrite && <Button onPress={() => run(ask<Schemas["IssuedFeedOut"]>("calendar-sync", `/feeds/${feed.id}/rotate`, { method: "POST", version: feed.version })).then((done) => done && setIssued(done.url))}>{t("calendars.rotate")}</Button>}
              {mayWrite && <Button kind="quiet" icon="trash" aria-label={t("remove")} onPress={() => run(ask("calendar-sync", `/feeds/${feed.id}`, { method: "DELETE", version: feed.version }))} />}
            </div>
          ))}
          {mayWrite && person && <Button onPress={() => run(ask<Schemas["IssuedFeedOut"]>("calendar-sync", "/feeds", { method: "POST", body: { resource_id: person, name: nameOf(person) } })).then((done) => done && setIssued(done.url))}>{t("calendars.issue", { name: nameOf(person) })}</Button>}
        </section>
      </div>
    </Page>
  );
}

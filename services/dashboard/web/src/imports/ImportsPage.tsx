/** Files of appointments: what was brought in, and a new one. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useResources, useServices } from "../api/catalogue";
import { ask } from "../api/client";
import type { components } from "../api/schema/imports";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { saveCsv } from "../csv";
import { dayOf, instantOf, now } from "../time";
import { Button } from "../ui/Button";
import { Empty, Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { sampleRows } from "./sample";

export type Import = components["schemas"]["ImportOut"];

export function ImportsPage() {
  const { t } = useTranslation();
  const { clock, business } = useBusiness();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const mayWrite = useRight("write_imports");
  const imports = useQuery({ queryKey: ["imports"], queryFn: () => ask<components["schemas"]["Page_ImportOut_"]>("imports", "/imports", { query: { limit: 50 } }) });
  const service = useServices().data?.find((item) => item.business_id === business?.id && !item.archived);
  const person = useResources().data?.find((item) => item.kind === "staff" && !item.archived && business && item.business_ids.includes(business.id));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const upload = async (file: File | undefined) => {
    if (!file || !business || busy) return;
    setBusy(true);
    setError(null);
    const body = new FormData();
    body.append("business_id", business.id);
    body.append("file", file);
    try {
      const made = await ask<Import>("imports", "/imports", { method: "POST", body });
      await queries.invalidateQueries({ queryKey: ["imports"] });
      void navigate({ to: "/imports/$id", params: { id: made.id } });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page title={t("nav.imports")}>
      <div className="scroll pad">
        {/* Rows are of a business: a file that was chosen before one is known would lead nowhere. */}
        {mayWrite && business && (
          <label
            className={over ? "drop over" : "drop"}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={(event) => {
              event.preventDefault();
              setOver(false);
              void upload(event.dataTransfer.files[0]);
            }}
          >
            <b>{busy ? t("imports.uploading") : t("imports.drop")}</b>
            <small>{t("imports.limits")}</small>
            <input type="file" accept=".csv,.tsv,.txt,text/csv" disabled={busy} onChange={(event) => void upload(event.target.files?.[0])} />
          </label>
        )}
        {mayWrite && business && (
          <p className="row">
            <Button kind="quiet" icon="down2" onPress={() => saveCsv("appointments-sample.csv", sampleRows({ today: dayOf(now(), clock.zone), service: service?.name ?? t("imports.sampleService"), minutes: service?.duration_minutes ?? 30, staff: person?.name ?? "" }))}>
              {t("imports.sampleFile")}
            </Button>
            <span className="hint">{t("imports.sampleHint")}</span>
          </p>
        )}
        <Problem error={error} />
        {!imports.data ? <Waiting error={imports.error} /> : !imports.data.items.length ? <Empty title={t("imports.none")} /> : (
          <ul className="people-list">
            {imports.data.items.map((item) => (
              <li key={item.id}>
                <Link to="/imports/$id" params={{ id: item.id }}>
                  <span>
                    <b><bdi>{item.file_name}</bdi></b>
                    <small>{t(`imports.state.${item.state}`)} · {t("imports.rows", { count: item.file_rows })} · {clock.dayAndTime(instantOf(item.created_at))}</small>
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Page>
  );
}

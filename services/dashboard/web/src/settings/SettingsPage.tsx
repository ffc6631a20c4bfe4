/** Users, API clients, and one's own profile. */
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "../api/session";
import { useBusiness } from "../business";
import { LANGUAGES } from "../i18n";
import { keysAreOff, switchKeys } from "../keys";
import { settingsPages } from "../screens";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Page, Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { Businesses } from "../setup/Businesses";
import { Channels } from "./Channels";
import { StaffChoices } from "./StaffChoices";
import { AgendaForm } from "./AgendaForm";
import { IdentityProvider } from "./IdentityProvider";
import { Passkeys } from "./Passkeys";
import { NameForm, PasswordForm } from "./ProfileForms";
import { PushBrowsers } from "./PushBrowsers";
import { get, type PageOf, useRun } from "./useRun";
import { Users } from "./Users";

type ApiClient = { id: string; name: string; role: string; scopes: string[]; state: string; last_used_at: string | null; version: number; client_secret?: string };
type BrowserSession = { id: string; current: boolean; address: string; user_agent: string; last_used_at: string };

const SCOPES = ["catalogue:read", "clients:read", "clients:write", "appointments:read", "appointments:book", "appointments:write", "slots:read", "messages:read", "reports:read", "imports:write"] as const;

export function SettingsPage() {
  const { t } = useTranslation();
  const { page } = useParams({ strict: false }) as { page?: string };
  const pages = settingsPages(useSession());
  const current = page && pages.includes(page) ? page : "profile";
  return (
    <Page title={t("nav.settings")}>
      <nav className="tabs" aria-label={t("nav.settings")}>
        {pages.map((name) => (
          <Link key={name} to="/settings/$page" params={{ page: name }} aria-current={name === current ? "page" : undefined}>
            {t(`settings.${name}`)}
          </Link>
        ))}
        <Link to="/actions">{t("nav.actions")}</Link>
      </nav>
      <div className="scroll pad">{current === "businesses" ? <Businesses /> : current === "channels" ? <Channels /> : current === "users" ? <Users /> : current === "api-clients" ? <ApiClients /> : current === "identity-provider" ? <IdentityProvider /> : <Profile />}</div>
    </Page>
  );
}

function ApiClients() {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const clients = useQuery({ queryKey: ["api-clients"], queryFn: () => get<PageOf<ApiClient>>("/api/dashboard/v1/api-clients?limit=100") });
  const { run, error } = useRun(["api-clients"]);
  const [name, setName] = useState("");
  const [role, setRole] = useState("integration");
  const [scopes, setScopes] = useState<readonly string[]>([]);
  const [secret, setSecret] = useState<ApiClient | null>(null);
  if (!clients.data) return <Waiting error={clients.error} />;
  return (
    <>
      <Problem error={error} />
      {secret && (
        <p className="amber" role="status">
          {t("settings.secretOnce", { name: secret.name })}
          <br />
          <code dir="ltr">{secret.id}</code> <code dir="ltr">{secret.client_secret}</code>
        </p>
      )}
      <ul className="people-list">
        {clients.data.items.map((client) => (
          <li key={client.id} className={client.state === "deactivated" ? "off" : ""}>
            <span className="grow">
              <b><bdi>{client.name}</bdi></b>
              <small>{[t(`role.${client.role}`), ...client.scopes, client.last_used_at ? t("settings.lastUsed", { time: clock.dayAndTime(instantOf(client.last_used_at)) }) : t("settings.neverUsed")].join(" · ")}</small>
            </span>
            <Button onPress={() => run<ApiClient>(`/api/dashboard/v1/api-clients/${client.id}/rotate`, { method: "POST", version: client.version, body: {} }).then((done) => done && setSecret(done))}>{t("settings.rotate")}</Button>
            <Button kind="quiet" icon="trash" aria-label={t("remove")} onPress={() => run(`/api/dashboard/v1/api-clients/${client.id}`, { method: "DELETE", version: client.version })} />
          </li>
        ))}
      </ul>
      <section className="panel">
        <h2>{t("settings.addClient")}</h2>
        <div className="two">
          <TextField label={t("field.name")} value={name} onChange={setName} maxLength={200} />
          <Select label={t("settings.role")} value={role} onChange={setRole} options={["integration", "agent"].map((id) => ({ id, name: t(`role.${id}`) }))} />
        </div>
        {role === "integration" && <fieldset className="columns"><legend>{t("settings.scopes")}</legend>{SCOPES.map((scope) => <Checkbox key={scope} value={scopes.includes(scope)} onChange={(on) => setScopes(on ? [...scopes, scope] : scopes.filter((other) => other !== scope))}><code dir="ltr">{scope}</code></Checkbox>)}</fieldset>}
        <Button kind="primary" isDisabled={!name.trim()} onPress={() => run<ApiClient>("/api/dashboard/v1/api-clients", { method: "POST", body: { name: name.trim(), role, scopes: role === "agent" ? [] : scopes } }).then((done) => { if (done) { setSecret(done); setName(""); } })}>{t("settings.create")}</Button>
      </section>
    </>
  );
}

const THEME = "slotstream-theme";
const LANGUAGE = "slotstream-language";

function Profile() {
  const { t, i18n } = useTranslation();
  const { user, has_account } = useSession();
  const { clock } = useBusiness();
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => get<PageOf<BrowserSession>>("/api/sessions") });
  const { run, error } = useRun(["sessions"]);
  const [theme, setTheme] = useState(localStorage.getItem(THEME) ?? "system");
  const [keys, setKeys] = useState(!keysAreOff());
  return (
    <>
      <section className="panel">
        <h2><bdi>{user.name}</bdi></h2>
        <p className="soft"><bdi>{user.email}</bdi> · {t(`role.${user.role}`)}</p>
        <div className="two">
          <Select label={t("field.language")} value={i18n.language} onChange={(id) => { localStorage.setItem(LANGUAGE, id); location.reload(); }} options={LANGUAGES.map((id) => ({ id, name: new Intl.DisplayNames([id], { type: "language" }).of(id) ?? id }))} />
          <Select label={t("settings.theme")} value={theme} onChange={(id) => { setTheme(id); if (id === "system") { localStorage.removeItem(THEME); delete document.documentElement.dataset.theme; } else { localStorage.setItem(THEME, id); document.documentElement.dataset.theme = id; } }} options={["system", "light", "dark"].map((id) => ({ id, name: t(`settings.theme_${id}`) }))} />
        </div>
        <Checkbox value={keys} onChange={(on) => { switchKeys(!on); setKeys(on); }}>{t("settings.keys")}</Checkbox>
      </section>
      <NameForm />
      {has_account && <PasswordForm />}
      {has_account && <Passkeys />}
      <StaffChoices />
      <AgendaForm />
      <PushBrowsers />
      <section className="panel">
        <h2>{t("settings.sessions")}</h2>
        <Problem error={error} />
        {sessions.data?.items.map((session) => (
          <div className="ln" key={session.id}>
            <div>
              <bdi>{session.user_agent.slice(0, 80)}</bdi>
              <small><bdi dir="ltr">{session.address}</bdi> · {clock.dayAndTime(instantOf(session.last_used_at))}</small>
            </div>
            <span>{session.current && t("settings.here")}</span>
            {!session.current && <Button onPress={() => run(`/api/sessions/${session.id}`, { method: "DELETE" })}>{t("settings.end")}</Button>}
          </div>
        ))}
      </section>
    </>
  );
}

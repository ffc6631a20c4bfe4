/** The organization's own mail server and account at Twilio. A credential is typed, never shown. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { Select, TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";

type Schemas = components["schemas"];
type Accounts = Schemas["ChannelAccountsOut"];
type Provider = "smtp" | "twilio";

const KEY = ["channel-accounts"] as const;

export const useOwnAccounts = (may: boolean) => useQuery({ queryKey: KEY, queryFn: () => ask<Accounts>("notifications", "/channel-accounts"), enabled: may });

/** What one of the two forms needs: its request, and that both screens are read anew afterwards. */
function useChange(provider: Provider, version: number) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const change = async (request: { method: "PUT" | "DELETE"; body?: unknown }) => {
    setBusy(true);
    setError(null);
    try {
      await ask("notifications", `/channel-accounts/${provider}`, { ...request, version });
      toast(t(request.method === "PUT" ? "saved" : "ownAccount.removed"));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
    await Promise.all([queries.invalidateQueries({ queryKey: KEY }), queries.invalidateQueries({ queryKey: ["channels"] })]);
  };
  return { busy, error, change };
}

type FormProps = { title: string; hint: string; isSet: boolean; incomplete: boolean; change: ReturnType<typeof useChange>; body: () => unknown; children: ReactNode };

function AccountForm({ title, hint, isSet, incomplete, change, body, children }: FormProps) {
  const { t } = useTranslation();
  return (
    <details className="own-account" open={isSet}>
      <summary>{title}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void change.change({ method: "PUT", body: body() });
        }}
      >
        <p className="soft">{hint}</p>
        {children}
        <div className="row">
          <Button type="submit" isPending={change.busy} isDisabled={change.busy || incomplete}>{t("ownAccount.use")}</Button>
          {isSet && <Button kind="quiet" isDisabled={change.busy} onPress={() => void change.change({ method: "DELETE" })}>{t("ownAccount.remove")}</Button>}
        </div>
        <Problem error={change.error} />
      </form>
    </details>
  );
}

export function OwnMailServer({ known }: { known: Schemas["SmtpAccountOut"] | null }) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const change = useChange("smtp", known?.version ?? 0);
  const [host, setHost] = useState(known?.host ?? "");
  const [port, setPort] = useState(String(known?.port ?? 587));
  const [tls, setTls] = useState<string>(known?.tls ?? "starttls");
  const [username, setUsername] = useState(known?.username ?? "");
  const [password, setPassword] = useState("");
  const [sender, setSender] = useState(known?.sender_address ?? "");
  const kept = known && t("ownAccount.kept", { time: clock.dayAndTime(instantOf(known.password_set_at)) });
  const body = () => ({ host: host.trim(), port: Number(port), tls, username: username.trim(), ...(password ? { password } : {}), sender_address: sender.trim() });
  return (
    <AccountForm title={t("ownAccount.mail")} hint={t("ownAccount.mailHint")} isSet={known !== null} incomplete={!host.trim() || !Number(port) || !username.trim() || !sender.trim() || (!known && !password)} change={change} body={body}>
      <div className="two">
        <TextField label={t("ownAccount.host")} value={host} onChange={setHost} maxLength={253} dir="ltr" placeholder="smtp.example.com" />
        <TextField label={t("ownAccount.port")} type="number" value={port} onChange={setPort} maxLength={5} dir="ltr" />
        <Select label={t("ownAccount.tls")} value={tls} onChange={setTls} options={[{ id: "starttls", name: "STARTTLS (587)" }, { id: "tls", name: "TLS (465)" }]} />
        <TextField label={t("ownAccount.sender")} type="email" value={sender} onChange={setSender} maxLength={320} dir="ltr" />
        <TextField label={t("ownAccount.user")} value={username} onChange={setUsername} maxLength={320} dir="ltr" autoComplete="off" />
        <TextField label={t("ownAccount.password")} type="password" value={password} onChange={setPassword} maxLength={1000} dir="ltr" autoComplete="new-password" hint={kept ?? undefined} />
      </div>
    </AccountForm>
  );
}

export function OwnTwilio({ known, inboundUrl }: { known: Schemas["TwilioAccountOut"] | null; inboundUrl: string | null }) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const change = useChange("twilio", known?.version ?? 0);
  const [sid, setSid] = useState(known?.account_sid ?? "");
  const [token, setToken] = useState("");
  const [apiKey, setApiKey] = useState(known?.api_key ?? "");
  const [secret, setSecret] = useState("");
  const [texts, setTexts] = useState(known?.sms_sender ?? "");
  const [calls, setCalls] = useState(known?.voice_sender ?? "");
  const time = known && clock.dayAndTime(instantOf(known.secrets_set_at));
  const kept = (isSet: boolean | undefined) => (isSet && time ? t("ownAccount.kept", { time }) : undefined);
  const body = () => ({
    account_sid: sid.trim(),
    ...(token ? { auth_token: token } : {}),
    api_key: apiKey.trim() || null,
    ...(secret ? { api_secret: secret } : {}),
    sms_sender: texts.trim() || null,
    voice_sender: calls.trim() || null,
  });
  return (
    <AccountForm title={t("ownAccount.twilio")} hint={t("ownAccount.twilioHint")} isSet={known !== null} incomplete={!sid.trim() || !(texts.trim() || calls.trim())} change={change} body={body}>
      <div className="two">
        <TextField label={t("ownAccount.sid")} value={sid} onChange={setSid} maxLength={34} dir="ltr" placeholder="AC…" />
        <TextField label={t("ownAccount.token")} type="password" value={token} onChange={setToken} maxLength={1000} dir="ltr" autoComplete="new-password" hint={kept(known?.auth_token_is_set)} />
        <TextField label={t("ownAccount.apiKey")} value={apiKey} onChange={setApiKey} maxLength={34} dir="ltr" placeholder="SK…" />
        <TextField label={t("ownAccount.apiSecret")} type="password" value={secret} onChange={setSecret} maxLength={1000} dir="ltr" autoComplete="new-password" hint={kept(known?.api_secret_is_set)} />
        <TextField label={t("ownAccount.texts")} value={texts} onChange={setTexts} maxLength={34} dir="ltr" placeholder="+447700900777" hint={t("ownAccount.textsHint")} />
        <TextField label={t("ownAccount.calls")} type="tel" value={calls} onChange={setCalls} maxLength={16} dir="ltr" placeholder="+447700900777" />
      </div>
      {known?.auth_token_is_set && inboundUrl && <TextField label={t("ownAccount.inbound")} value={inboundUrl} onChange={() => undefined} isReadOnly dir="ltr" />}
    </AccountForm>
  );
}

/** The company's own provider: where its people sign in, and as what. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { ProblemError, send } from "../api/client";
import { Button } from "../ui/Button";
import { Copy } from "../ui/Copy";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Waiting } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { useAnswer } from "../ui/useAnswer";

type Provider = {
  issuer: string;
  client_id: string;
  email_domains: string[];
  role_claim: string | null;
  role_values: Record<string, string>;
  default_role: string | null;
  creates_users: boolean;
  required: boolean;
  sign_in_url: string;
  redirect_uri: string;
  backchannel_logout_uri: string;
  version: number;
};

const ADDRESS = "/api/dashboard/v1/identity-provider";
const ROLES = ["manager", "staff", "viewer"] as const;
const parts = (text: string) => text.split(/[\s,;]+/).filter(Boolean);
/** "desk = staff", one line each. */
const pairs = (text: string) => Object.fromEntries(text.split("\n").map((line) => [line.slice(0, line.lastIndexOf("=")).trim(), line.slice(line.lastIndexOf("=") + 1).trim()]).filter(([value]) => value));

async function read(): Promise<Provider | null> {
  try {
    return (await send<Provider>(ADDRESS)).body;
  } catch (failure) {
    if (failure instanceof ProblemError && failure.code === "identity_provider_not_found") return null;
    throw failure;
  }
}

export function IdentityProvider() {
  const provider = useQuery({ queryKey: ["identity-provider"], queryFn: read });
  if (provider.data === undefined) return <Waiting error={provider.error} />;
  return <ProviderForm key={provider.data?.version ?? 0} provider={provider.data} />;
}

function ProviderForm({ provider }: { provider: Provider | null }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [issuer, setIssuer] = useState(provider?.issuer ?? "");
  const [clientId, setClientId] = useState(provider?.client_id ?? "");
  const [secret, setSecret] = useState("");
  const [domains, setDomains] = useState(provider?.email_domains.join(", ") ?? "");
  const [claim, setClaim] = useState(provider?.role_claim ?? "");
  const [values, setValues] = useState(Object.entries(provider?.role_values ?? {}).map(([value, role]) => `${value} = ${role}`).join("\n"));
  const [role, setRole] = useState(provider?.default_role ?? "none");
  const [creates, setCreates] = useState(provider?.creates_users ?? false);
  const [required, setRequired] = useState(provider?.required ?? false);
  const [tested, setTested] = useState<{ ok: boolean; reason: string | null } | null>(null);
  const { busy, error, run } = useAnswer();
  const changed = () => queries.invalidateQueries({ queryKey: ["identity-provider"] });
  const save = (event: FormEvent) => {
    event.preventDefault();
    const body = {
      issuer: issuer.trim(),
      client_id: clientId.trim(),
      ...(secret ? { client_secret: secret } : {}),
      email_domains: parts(domains),
      role_claim: claim.trim() || null,
      role_values: pairs(values),
      default_role: role === "none" ? null : role,
      creates_users: creates,
      required,
    };
    void run(async () => {
      await send(ADDRESS, { method: "PUT", body, version: provider?.version });
      await changed();
    });
  };
  return (
    <form className="panel" onSubmit={save}>
      <h2>{t("settings.identity-provider")}</h2>
      <p className="soft">{t("settings.providerHint")}</p>
      <Problem error={error} />
      {provider && (
        <>
          <Copy label={t("settings.providerSignIn")} text={provider.sign_in_url} />
          <Copy label={t("settings.providerRedirect")} text={provider.redirect_uri} />
          <Copy label={t("settings.providerLogout")} text={provider.backchannel_logout_uri} hint={t("settings.providerLogoutHint")} />
        </>
      )}
      <TextField label={t("settings.providerIssuer")} type="url" dir="ltr" value={issuer} onChange={setIssuer} maxLength={500} placeholder="https://" />
      <div className="two">
        <TextField label={t("settings.providerClient")} dir="ltr" value={clientId} onChange={setClientId} maxLength={200} />
        <TextField label={t("settings.providerSecret")} type="password" autoComplete="off" dir="ltr" value={secret} onChange={setSecret} maxLength={1000} hint={provider ? t("settings.providerSecretKept") : undefined} />
      </div>
      <TextField label={t("settings.providerDomains")} dir="ltr" value={domains} onChange={setDomains} placeholder="example.com" />
      <div className="two">
        <TextField label={t("settings.providerClaim")} dir="ltr" value={claim} onChange={setClaim} maxLength={200} placeholder="groups" />
        <Select label={t("settings.providerDefault")} value={role} onChange={setRole} options={[{ id: "none", name: t("settings.providerNobody") }, ...ROLES.map((id) => ({ id, name: t(`role.${id}`) }))]} />
      </div>
      {claim.trim() && <TextField label={t("settings.providerValues")} lines={3} value={values} onChange={setValues} hint="desk = staff" />}
      <Checkbox value={creates} onChange={setCreates}>{t("settings.providerCreates")}</Checkbox>
      <Checkbox value={required} onChange={setRequired}>{t("settings.providerRequired")}</Checkbox>
      <div className="row">
        <Button kind="primary" type="submit" isDisabled={busy || !issuer.trim() || !clientId.trim() || !domains.trim() || (!provider && !secret)}>{t("settings.providerSave")}</Button>
        {provider && <Button isDisabled={busy} onPress={() => void run(async () => setTested((await send<{ ok: boolean; reason: string | null }>(`${ADDRESS}/test`, { method: "POST" })).body))}>{t("settings.providerTest")}</Button>}
        {provider && <Button kind="danger" isDisabled={busy} onPress={() => void run(async () => { await send(ADDRESS, { method: "DELETE" }); await changed(); })}>{t("settings.providerRemove")}</Button>}
      </div>
      {tested && <p role="status">{tested.ok ? t("settings.providerWorks") : t("settings.providerFails", { reason: tested.reason })}</p>}
    </form>
  );
}

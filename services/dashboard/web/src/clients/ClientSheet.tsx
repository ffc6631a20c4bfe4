import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { changedFields, changedTwice } from "../api/changes";
import { ask } from "../api/client";
import { LANGUAGES } from "../i18n";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import type { Client } from "./ClientsPage";

const CHANNELS = ["email", "sms", "voice", "push"] as const;

const fieldsOf = (client: Client | undefined) => ({ name: client?.name ?? "", phone: client?.phone ?? null, email: client?.email ?? null, locale: client?.locale ?? null, consent: client?.consent ?? null });

/** A new client, or changes of one: what colleagues save meanwhile stays, and is shown where it was changed here too. */
export function ClientSheet({ client, onClose, onDone }: { client?: Client; onClose: () => void; onDone: (client: Client) => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [begun] = useState(() => fieldsOf(client));
  const [name, setName] = useState(client?.name ?? "");
  const [phone, setPhone] = useState(client?.phone ?? "");
  const [email, setEmail] = useState(client?.email ?? "");
  const [locale, setLocale] = useState(client?.locale ?? "");
  const [consent, setConsent] = useState<readonly string[] | null>(client?.consent ?? null);
  const [error, setError] = useState<unknown>(null);
  const typed = { name: name.trim(), phone: phone.trim() || null, email: email.trim() || null, locale: locale || null, consent };
  const twice = client ? changedTwice(begun, typed, fieldsOf(client)) : [];
  const theirs = (field: "name" | "phone" | "email") => (client && twice.includes(field) ? `${t("drawer.theirs")} ${client[field] ?? "–"}` : undefined);
  const save = async () => {
    setError(null);
    const body = changedFields(begun, typed);
    try {
      const saved = client
        ? await ask<Client>("booking", `/clients/${client.id}`, { method: "PATCH", version: client.version, body })
        : await ask<Client>("booking", "/clients", { method: "POST", body });
      await queries.invalidateQueries({ queryKey: ["clients"] });
      onDone(saved);
    } catch (failure) {
      setError(failure);
      // Where somebody was faster, what they have saved is to be had before the next press.
      await queries.invalidateQueries({ queryKey: ["clients"] });
    }
  };
  return (
    <Sheet
      title={client ? t("clients.edit") : t("clients.add")}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="primary" isDisabled={!name.trim()} onPress={save}>
            {t("save")}
          </Button>
        </>
      }
    >
      <Problem error={error} />
      <TextField label={t("field.name")} value={name} onChange={setName} isRequired autoFocus maxLength={200} hint={theirs("name")} />
      <div className="two">
        <TextField label={t("field.phone")} type="tel" value={phone} onChange={setPhone} maxLength={40} hint={theirs("phone")} />
        <TextField label={t("field.email")} type="email" value={email} onChange={setEmail} maxLength={254} hint={theirs("email")} />
      </div>
      <Select label={t("field.language")} value={locale || "none"} onChange={(id) => setLocale(id === "none" ? "" : id)} options={[{ id: "none", name: t("clients.businessLanguage") }, ...LANGUAGES.map((id) => ({ id, name: new Intl.DisplayNames([id], { type: "language" }).of(id) ?? id }))]} />
      <fieldset className="columns">
        <legend>{t("clients.consent")}</legend>
        {CHANNELS.map((channel) => (
          <Checkbox key={channel} value={consent?.includes(channel) ?? false} onChange={(on) => setConsent(on ? [...(consent ?? []), channel] : (consent ?? []).filter((other) => other !== channel))}>
            {t(`channel.${channel}`)}
          </Checkbox>
        ))}
      </fieldset>
    </Sheet>
  );
}

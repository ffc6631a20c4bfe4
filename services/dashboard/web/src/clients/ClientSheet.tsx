import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import { LANGUAGES } from "../i18n";
import { Button } from "../ui/Button";
import { Checkbox, Select, TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import type { Client } from "./ClientsPage";

const CHANNELS = ["email", "sms", "voice", "push"] as const;

/** A new client, or changes of one. */
export function ClientSheet({ client, onClose, onDone }: { client?: Client; onClose: () => void; onDone: (client: Client) => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [name, setName] = useState(client?.name ?? "");
  const [phone, setPhone] = useState(client?.phone ?? "");
  const [email, setEmail] = useState(client?.email ?? "");
  const [locale, setLocale] = useState(client?.locale ?? "");
  const [consent, setConsent] = useState<readonly string[] | null>(client?.consent ?? null);
  const [error, setError] = useState<unknown>(null);
  const save = async () => {
    setError(null);
    const body = { name: name.trim(), phone: phone.trim() || null, email: email.trim() || null, locale: locale || null, ...(consent ? { consent } : {}) };
    try {
      const saved = client
        ? await ask<Client>("booking", `/clients/${client.id}`, { method: "PATCH", version: client.version, body })
        : await ask<Client>("booking", "/clients", { method: "POST", body });
      await queries.invalidateQueries({ queryKey: ["clients"] });
      onDone(saved);
    } catch (failure) {
      setError(failure);
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
      <TextField label={t("field.name")} value={name} onChange={setName} isRequired autoFocus maxLength={200} />
      <div className="two">
        <TextField label={t("field.phone")} type="tel" value={phone} onChange={setPhone} maxLength={40} />
        <TextField label={t("field.email")} type="email" value={email} onChange={setEmail} maxLength={254} />
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

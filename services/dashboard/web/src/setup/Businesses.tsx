/** The businesses of the organization: the first one, with which everything begins, and further ones. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Business } from "../api/catalogue";
import { changedFields } from "../api/changes";
import { ask } from "../api/client";
import { useRight, useSession } from "../api/session";
import { useBusiness } from "../business";
import { Button } from "../ui/Button";
import { ComboBox, type Option, TextField } from "../ui/fields";
import { Empty } from "../ui/Page";
import { Problem } from "../ui/Problem";
import { toast } from "../ui/toasts";
import { PublicPageFields, publicSettingsBody, publicSettingsOf } from "./PublicPage";

/** Stands where a page needs a business and there is none yet. */
export function FirstBusiness() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const mayAdd = useRight("write_catalogue") && useSession().user.business_ids === null;
  return (
    <div className="scroll pad">
      <Empty title={t("calendar.noBusiness")}>{!mayAdd && <p>{t("business.askOwner")}</p>}</Empty>
      {mayAdd && <BusinessForm known={null} onDone={() => void navigate({ to: "/staff" })} />}
    </div>
  );
}

export function Businesses() {
  const { t } = useTranslation();
  const { businesses } = useBusiness();
  const [editing, setEditing] = useState<Business | "new" | null>(null);
  return (
    <>
      <ul className="people-list">
        {businesses.map((business) => (
          <li key={business.id}>
            <button type="button" onClick={() => setEditing(business)}>
              <span>
                <b><bdi>{business.name}</bdi></b>
                <small>{[business.zone, business.currency, business.address].filter(Boolean).join(" · ")}</small>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {editing ? <BusinessForm key={editing === "new" ? "new" : editing.id} known={editing === "new" ? null : (businesses.find((business) => business.id === editing.id) ?? editing)} onDone={() => setEditing(null)} /> : <Button icon="plus" onPress={() => setEditing("new")}>{t("business.add")}</Button>}
    </>
  );
}

function BusinessForm({ known, onDone }: { known: Business | null; onDone: () => void }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const [name, setName] = useState(known?.name ?? "");
  const [zone, setZone] = useState(known?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [country, setCountry] = useState(known?.country ?? new Intl.Locale(navigator.language).region ?? null);
  const [currency, setCurrency] = useState<string | null>(known?.currency ?? null);
  const [phone, setPhone] = useState(known?.phone ?? "");
  const [email, setEmail] = useState(known?.email ?? "");
  const [address, setAddress] = useState(known?.address ?? "");
  const [publicPage, setPublicPage] = useState(() => publicSettingsOf(known));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const zones = useMemo(() => Intl.supportedValuesOf("timeZone").map((id) => ({ id, name: id.replaceAll("_", " ") })), []);
  const countries = useMemo(() => countriesIn(i18n.language), [i18n.language]);
  const currencies = useMemo(() => currenciesIn(i18n.language), [i18n.language]);
  const typed = { name: name.trim(), zone, country, phone_region: country, currency, phone: phone.trim() || null, email: email.trim() || null, address: address.trim() || null, ...publicSettingsBody(publicPage) };
  // A country that is only proposed here is one that was changed.
  const [begun] = useState({ ...typed, country: known?.country ?? null, phone_region: known?.phone_region ?? null });
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const body = known ? changedFields(begun, typed) : { ...typed, locale: i18n.language };
    try {
      await ask("booking", known ? `/businesses/${known.id}` : "/businesses", { method: known ? "PATCH" : "POST", version: known?.version, body });
      await queries.invalidateQueries({ queryKey: ["businesses"] });
      toast(t("saved"));
      onDone();
    } catch (failure) {
      setError(failure);
      // Where somebody was faster, theirs is to be had before the next press: this list is kept for minutes.
      await queries.invalidateQueries({ queryKey: ["businesses"] });
      setBusy(false);
    }
  };
  return (
    <form className="panel stack" onSubmit={(event) => void save(event)}>
      <h2>{known ? <bdi>{known.name}</bdi> : t("business.new")}</h2>
      <Problem error={error} />
      <TextField label={t("field.name")} value={name} onChange={setName} maxLength={200} isRequired />
      <div className="two">
        <Choice label={t("business.zone")} options={zones} value={zone} onChange={(id) => id && setZone(id)} />
        <Choice label={t("business.country")} options={countries} value={country} onChange={setCountry} />
        <Choice label={t("business.currency")} options={currencies} value={currency} onChange={setCurrency} />
        <TextField label={t("field.phone")} type="tel" value={phone} onChange={setPhone} maxLength={64} />
        <TextField label={t("field.email")} type="email" value={email} onChange={setEmail} maxLength={254} />
        <TextField label={t("business.address")} value={address} onChange={setAddress} maxLength={500} />
      </div>
      <PublicPageFields known={known} value={publicPage} onChange={setPublicPage} />
      <Button type="submit" kind="primary" isDisabled={!name.trim() || !zone || !country || !currency} isPending={busy}>{t("save")}</Button>
    </form>
  );
}

/** One of many: typing narrows the list, and only what is in it can be chosen. */
function Choice({ label, options, value, onChange }: { label: string; options: readonly Option[]; value: string | null; onChange: (id: string | null) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const chosen = options.find((option) => option.id === value)?.name ?? value ?? "";
  const sought = fold(typed ?? "");
  const shown = sought && typed !== chosen ? options.filter((option) => fold(option.name).includes(sought) || fold(option.id) === sought) : options;
  return <ComboBox label={label} options={shown.slice(0, 100)} value={value} onChange={(id) => { onChange(id); setTyped(null); }} text={typed ?? chosen} onText={setTyped} />;
}

const fold = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const byName = (language: string) => (one: Option, other: Option) => one.name.localeCompare(other.name, language);

/** Every region of ISO 3166 that the browser can name. */
export function countriesIn(language: string): Option[] {
  const names = new Intl.DisplayNames([language], { type: "region", fallback: "none" });
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  return codes.flatMap((id) => {
    const name = NO_COUNTRIES.has(id) ? undefined : names.of(id);
    return name ? [{ id, name }] : [];
  }).sort(byName(language));
}

/** Unions and private codes, and codes that others took the place of. */
const NO_COUNTRIES = new Set(["EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AN", "BU", "CS", "DD", "FX", "NT", "SU", "TP", "UK", "YD", "YU", "ZR", "DY", "HV", "NH", "RH", "VD", "QU"]);

export function currenciesIn(language: string): Option[] {
  const names = new Intl.DisplayNames([language], { type: "currency" });
  return Intl.supportedValuesOf("currency").map((id) => ({ id, name: `${id} · ${names.of(id) ?? id}` })).sort(byName(language));
}

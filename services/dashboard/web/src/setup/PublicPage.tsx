/** A business's public booking page: whether there is one, who may frame it, and what to copy of it. */
import { useTranslation } from "react-i18next";
import type { Business } from "../api/catalogue";
import { useSession } from "../api/session";
import { Copy } from "../ui/Copy";
import { Checkbox, TextField } from "../ui/fields";

export type PublicSettings = { public_booking: boolean; verify_by_code: boolean; origins: string };

export const publicSettingsOf = (known: Business | null): PublicSettings => ({
  public_booking: known?.public_booking ?? false,
  verify_by_code: known?.verify_by_code ?? false,
  origins: (known?.embed_origins ?? []).join("\n"),
});

/** As the service takes them: origins one by one, without the slash that people copy along. */
export const publicSettingsBody = ({ origins, ...flags }: PublicSettings) => ({
  ...flags,
  embed_origins: origins.split(/[\s,]+/).map((origin) => origin.replace(/\/$/, "").toLowerCase()).filter(Boolean),
});

/** The ids of organization and business, which stand in the page's address. */
export function pageHandle(organization: string, business: string): string {
  const bytes = (organization + business).replaceAll("-", "").match(/../g) ?? [];
  return btoa(String.fromCharCode(...bytes.map((byte) => parseInt(byte, 16)))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function PublicPageFields({ known, value, onChange }: { known: Business | null; value: PublicSettings; onChange: (value: PublicSettings) => void }) {
  const { t } = useTranslation();
  return (
    <fieldset className="stack">
      <legend>{t("publicPage.title")}</legend>
      <Checkbox value={value.public_booking} onChange={(on) => onChange({ ...value, public_booking: on })}>{t("publicPage.on")}</Checkbox>
      {value.public_booking && (
        <>
          <p className="hint">{t("publicPage.hint")}</p>
          <Checkbox value={value.verify_by_code} onChange={(on) => onChange({ ...value, verify_by_code: on })}>{t("publicPage.code")}</Checkbox>
          <p className="hint">{t("publicPage.codeHint")}</p>
          <TextField label={t("publicPage.origins")} hint={t("publicPage.originsHint")} lines={2} value={value.origins} onChange={(origins) => onChange({ ...value, origins })} />
        </>
      )}
      {known?.public_booking && value.public_booking && <Copies business={known} />}
    </fieldset>
  );
}

function Copies({ business }: { business: Business }) {
  const { t } = useTranslation();
  const address = `${location.origin}/book/${pageHandle(useSession().organization.id, business.id)}`;
  const embed = `<iframe src="${address}/embed" title="${t("publicPage.title")}" loading="lazy" style="border:0;width:100%;height:44rem"></iframe>`;
  return (
    <>
      <Copy label={t("publicPage.address")} text={address} />
      {business.embed_origins.length > 0 && <Copy label={t("publicPage.embed")} text={embed} />}
    </>
  );
}

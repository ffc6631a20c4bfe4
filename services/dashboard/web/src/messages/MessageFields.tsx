/** On which channel, from which text, what it says, and what it costs: wherever a message is written by hand. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChannelStates } from "../api/channels";
import { useRight } from "../api/session";
import { Button } from "../ui/Button";
import { Select, TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";
import { AsSent } from "./AsSent";
import { type Audience, MOST_SIGNS, WRITTEN_ON } from "./send";
import { normalisedSms, smsSize, strangerTo } from "./sms";
import { TextSheet } from "./TextSheet";
import { isFilledIn, type KeptText, previewText, useTexts } from "./texts";
import { Variables } from "./Variables";
import "./messages.css";

export type Draft = { channel: string; text: string };
/** `appointmentId`: whose details a text is filled in with before it is sent; `sample`: one of many, for each of which it is filled in when it is sent. */
type Props = { draft: Draft; onChange: (draft: Draft) => void; audience: Audience; businessId: string | undefined; appointmentId?: string; sample?: Sample; label: string; autoFocus?: boolean };

export type Sample = { id: string; name: string | undefined };

const NONE = "none";

/** The channels that a message can be written on here, as they are offered; undefined until that is known. */
export function useWritable(): readonly string[] | undefined {
  const states = useChannelStates();
  return states && WRITTEN_ON.filter((name) => states.some((state) => state.channel === name && state.available));
}

export function MessageFields({ draft, onChange, audience, businessId, appointmentId, sample, label, autoFocus }: Props) {
  const { t } = useTranslation();
  const writable = useWritable() ?? [];
  const mayKeep = useRight("write_templates");
  const offered = useTexts(draft.channel, audience, businessId);
  const [chosen, setChosen] = useState<KeptText | null>(null);
  const [keeping, setKeeping] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const picked = offered.find((text) => text.id === chosen?.id);
  const pick = async (id: string) => {
    const text = offered.find((item) => item.id === id) ?? null;
    setChosen(text);
    setError(null);
    if (!text) return;
    try {
      const asked = { text: text.text, channel: draft.channel, audience, locale: text.locale, appointment_id: appointmentId ?? null };
      const words = isFilledIn(text.text) && !sample ? (await previewText(asked)).text : text.text;
      onChange({ ...draft, text: words.trim() });
    } catch (failure) {
      setError(failure);
    }
  };
  const missing = WRITTEN_ON.filter((name) => !writable.includes(name)).map((name) => t(`channel.${name}`));
  return (
    <>
      <Problem error={error} />
      <div className="two">
        <Select label={t("writing.channel")} value={draft.channel} onChange={(channel) => onChange({ ...draft, channel })} options={writable.map((id) => ({ id, name: t(`channel.${id}`) }))} />
        {offered.length > 0 && <Select label={t("writing.from")} value={picked?.id ?? NONE} onChange={(id) => void pick(id)} options={[{ id: NONE, name: t("writing.anew") }, ...offered.map((text) => ({ id: text.id, name: text.subject }))]} />}
      </div>
      <TextField label={label} value={draft.text} onChange={(text) => onChange({ ...draft, text })} lines={4} maxLength={MOST_SIGNS} autoFocus={autoFocus} isRequired hint={useSize(draft)} />
      {sample && <Variables onPick={(named) => onChange({ ...draft, text: `${draft.text}${/(^|\s)$/.test(draft.text) ? "" : " "}${named}` })} />}
      {sample && isFilledIn(draft.text) && (
        <>
          <p className="hint">{t("writing.each")}</p>
          <AsSent draft={draft} audience={audience} appointmentId={sample.id} title={sample.name ? t("writing.previewFor", { name: `\u2068${sample.name}\u2069` }) : t("writing.preview")} />
        </>
      )}
      {mayKeep && (
        <p>
          <Button kind="quiet" icon={picked ? "edit" : "note"} isDisabled={!picked && !draft.text.trim()} onPress={() => setKeeping(true)}>
            {t(picked ? "writing.change" : "writing.keep")}
          </Button>
        </p>
      )}
      {missing.length > 0 && <p className="hint">{t("writing.notSetUp", { channels: missing.join(", ") })}</p>}
      {keeping && <TextSheet kept={picked} draft={draft} audience={audience} businessId={businessId} appointmentId={appointmentId} onClose={() => setKeeping(false)} />}
    </>
  );
}

/** In characters; of an SMS in how many parts as well, how it is encoded, and which sign is to blame for that. */
export function useSize({ channel, text }: Draft): string {
  const { t, i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  if (channel !== "sms") return t("writing.ofMost", { used: number.format([...text].length), most: number.format(MOST_SIGNS) });
  const sent = normalisedSms(text);
  const size = smsSize(sent);
  const stranger = strangerTo(sent);
  const facts = [t("writing.used", { count: size.units }), `\u2068${size.encoding}\u2069`, t("messages.parts", { count: size.segments }), t("writing.left", { count: size.left })];
  return [facts.join(" · "), stranger && t("writing.because", { sign: `\u2068${stranger}\u2069` })].filter(Boolean).join(". ");
}

/** What messages go out on here, whether it works, and when nobody is to be disturbed. */
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { type ChannelState, useChannelStates } from "../api/channels";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { ICON } from "../messages/Thread";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Icon } from "../ui/Icon";
import { Waiting } from "../ui/Page";
import { Problem, nameReason } from "../ui/Problem";
import { OwnMailServer, OwnTwilio, useOwnAccounts } from "./OwnAccounts";
import { QuietHours, useQuietHours } from "./QuietHours";
import { type Limit, SendLimit, useSendLimits } from "./SendLimit";
import "../messages/messages.css";

type Outcome = components["schemas"]["ChannelTestOut"];
type Hours = components["schemas"]["ChannelQuietHoursOut"];

export function Channels() {
  const { t, i18n } = useTranslation();
  const states = useChannelStates();
  const quiet = useQuietHours();
  const accounts = useOwnAccounts(useRight("administer"));
  const limits = useSendLimits().data?.items;
  if (!states) return <Waiting rows={4} />;
  return (
    <>
      <p className="soft">{t("channelSetup.hint")}</p>
      <Problem error={quiet.error ?? accounts.error} />
      {states.map((state) => (
        <Channel key={state.channel} state={state} hours={quiet.data?.items.find((item) => item.channel === state.channel)} limit={limits?.find((item) => item.channel === state.channel)}>
          {accounts.data && state.channel === "email" && accounts.data.smtp_available && <OwnMailServer key={accounts.data.smtp?.version ?? 0} known={accounts.data.smtp} />}
          {accounts.data && state.channel === "sms" && accounts.data.twilio_available && <OwnTwilio key={accounts.data.twilio?.version ?? 0} known={accounts.data.twilio} inboundUrl={accounts.data.inbound_sms_url} />}
        </Channel>
      ))}
      {quiet.data && (
        <section className="panel" aria-label={t("quietHours.title")}>
          <h2>{t("quietHours.title")}</h2>
          <p className="soft">{t("quietHours.rule")}</p>
          <p className="soft">{t("quietHours.exempt", { kinds: new Intl.ListFormat(i18n.language).format(quiet.data.exempt.map((kind) => t(`message.${kind}`, { defaultValue: kind }))) })}</p>
        </section>
      )}
    </>
  );
}

function Channel({ state, hours, limit, children }: { state: ChannelState; hours: Hours | undefined; limit: Limit | undefined; children?: ReactNode }) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const name = t(`channel.${state.channel}`);
  return (
    <section className="panel" aria-label={name}>
      <h2 className="channel">
        <Icon name={ICON[state.channel] ?? "msg"} /> {name} <small className={state.available ? "good" : "soft"}>{t(state.own ? "ownAccount.ready" : state.available ? "channelSetup.ready" : "channelSetup.missing")}</small>
      </h2>
      {state.failure && (
        <p className="bad" role="note">
          <Icon name="warn" /> {t("ownAccount.failing", { reason: nameReason(t, { code: state.failure.code, detail: t("ownAccount.refused", { code: state.failure.code }) }), time: clock.dayAndTime(instantOf(state.failure.since)) })}
        </p>
      )}
      {state.available ? <Trial channel={state.channel} /> : <p className="soft">{t("channelSetup.how")}</p>}
      {state.available && hours && <QuietHours key={`${hours.version} ${hours.begins} ${hours.ends}`} hours={hours} />}
      {state.available && limit && <SendLimit key={`${limit.version} ${limit.per_minute}`} limit={limit} />}
      {children}
    </section>
  );
}

/** One message to an address of one's own: what the provider says is shown as it is. */
function Trial({ channel }: { channel: ChannelState["channel"] }) {
  const { t, i18n } = useTranslation();
  const [address, setAddress] = useState("");
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [error, setError] = useState<unknown>(null);
  const needsAddress = channel !== "push";
  const send = async () => {
    setBusy(true);
    setError(null);
    setOutcome(null);
    try {
      const body = { locale: i18n.language, address: needsAddress ? address.trim() : null };
      setOutcome(await ask<Outcome>("notifications", `/channels/${channel}/test`, { method: "POST", body }));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="trial"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {needsAddress ? <TextField label={t(channel === "email" ? "channelSetup.toAddress" : "channelSetup.toNumber")} type={channel === "email" ? "email" : "tel"} value={address} onChange={setAddress} maxLength={320} isRequired /> : <p className="soft">{t("channelSetup.toBrowsers")}</p>}
      <Button type="submit" isPending={busy} isDisabled={needsAddress && !address.trim()}>
        {t("channelSetup.send")}
      </Button>
      <div role="status">{outcome && <Said outcome={outcome} />}</div>
      <Problem error={error} />
    </form>
  );
}

function Said({ outcome }: { outcome: Outcome }) {
  const { t } = useTranslation();
  const why = outcome.code && nameReason(t, { code: outcome.code, detail: outcome.detail ?? "" });
  return (
    <p className={outcome.status === "sent" ? "good" : "bad"}>
      <Icon name={outcome.status === "sent" ? "check" : "warn"} /> {t(`channelSetup.${outcome.status}`)}
      <small>
        <bdi dir="auto">{[why, outcome.code ?? outcome.provider_id].filter(Boolean).join(" · ")}</bdi>
      </small>
    </p>
  );
}

/** One's own browsers that take push messages: this one too, and away with one. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { Problem } from "../ui/Problem";
import { BROWSERS_KEY, CAN_PUSH, usePermission } from "./usePush";

type Schemas = components["schemas"];

const WORKER = "/push-worker.js";

/** Scripts are loaded by addresses that are known to be ours alone. */
type Policies = { createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(input: string): unknown } };
let address: string | undefined;
function workerAddress(): string {
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  address ??= policies ? (policies.createPolicy("slotstream-push", { createScriptURL: () => WORKER }).createScriptURL("") as string) : WORKER;
  return address;
}

const bytesOf = (text: string) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const isSame = (bytes: Uint8Array, others: Uint8Array) => bytes.length === others.length && bytes.every((byte, place) => byte === others[place]);

/** Asks the browser, and so its reader; null where one of them does not want to. */
async function subscribe(key: string): Promise<PushSubscriptionJSON | null> {
  const applicationServerKey = bytesOf(key);
  try {
    const registration = await navigator.serviceWorker.register(workerAddress(), { scope: "/", updateViaCache: "none" });
    const known = await registration.pushManager.getSubscription();
    // One that was made for another key of the installation is good for nothing any more.
    if (known && !isSame(new Uint8Array(known.options.applicationServerKey ?? new ArrayBuffer(0)), applicationServerKey)) await known.unsubscribe();
    const made = (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })).toJSON();
    (registration.active ?? registration.waiting ?? registration.installing)?.postMessage({ page: "/" });
    return made;
  } catch {
    return null;
  }
}

/** A message as this browser would show one, sent by nobody. */
async function showExample(title: string, body: string): Promise<void> {
  await navigator.serviceWorker.register(workerAddress(), { scope: "/", updateViaCache: "none" });
  // One that has just been registered shows nothing until it is active.
  const registration = await navigator.serviceWorker.ready;
  await registration.showNotification(title, { body, tag: "example" });
}

export function PushBrowsers() {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const queries = useQueryClient();
  const key = useQuery({ queryKey: ["push-key"], queryFn: () => ask<Schemas["PushKeyOut"]>("notifications", "/push-subscriptions/key"), retry: false, staleTime: 600_000 });
  const permission = usePermission();
  const browsers = useQuery({ queryKey: BROWSERS_KEY, queryFn: () => ask<Schemas["PushSubscriptionsOut"]>("notifications", "/push-subscriptions") });
  const [state, setState] = useState<"ready" | "waiting" | "added" | "refused">("ready");
  const [error, setError] = useState<unknown>(null);
  if (!key.data) return null;
  const run = async (work: () => Promise<"ready" | "added" | "refused">) => {
    setError(null);
    setState("waiting");
    try {
      setState(await work());
      await queries.invalidateQueries({ queryKey: BROWSERS_KEY });
    } catch (failure) {
      setError(failure);
      setState("ready");
    }
  };
  const add = () =>
    void run(async () => {
      const made = await subscribe(key.data.public_key);
      if (!made) return "refused";
      await ask("notifications", "/push-subscriptions", { method: "POST", body: { endpoint: made.endpoint, keys: { p256dh: made.keys?.p256dh, auth: made.keys?.auth }, device: navigator.userAgent.slice(0, 200) } });
      return "added";
    });
  const remove = (id: string) =>
    void run(async () => {
      await ask("notifications", `/push-subscriptions/${id}`, { method: "DELETE" });
      return "ready";
    });
  const example = () =>
    void run(async () => {
      await showExample(t("settings.pushExampleTitle"), t("settings.pushExample"));
      return "ready";
    });
  return (
    <section className="panel" aria-labelledby="push-title">
      <h2 id="push-title">{t("settings.push")}</h2>
      <p className="soft">{t("settings.pushHint")}</p>
      <Problem error={error ?? browsers.error} />
      {browsers.data?.items.map((browser) => (
        <div className="ln" key={browser.id}>
          <div>
            <bdi>{(browser.device ?? browser.service).slice(0, 80)}</bdi>
            <small>{t("settings.passkeyMade", { time: clock.dayAndTime(instantOf(browser.created_at)) })}</small>
          </div>
          <span />
          <Button isDisabled={state === "waiting"} aria-label={`${t("settings.removePush")}: ${browser.device ?? browser.service}`} onPress={() => remove(browser.id)}>{t("settings.removePush")}</Button>
        </div>
      ))}
      <p className={permission === "denied" ? "amber" : "soft"}>{t(`settings.permission.${permission}`)}</p>
      {CAN_PUSH && <Button isDisabled={state === "waiting"} onPress={add}>{t("settings.addPush")}</Button>}
      {permission === "granted" && <Button isDisabled={state === "waiting"} onPress={example}>{t("settings.showPushExample")}</Button>}
      {state === "added" && <p className="soft" role="status">{t("settings.pushAdded")}</p>}
      {state === "refused" && <p className="amber" role="alert">{t("settings.pushRefused")}</p>}
    </section>
  );
}

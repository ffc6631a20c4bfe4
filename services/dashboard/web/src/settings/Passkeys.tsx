/** One's own passkeys: what there is, another one, and away with one. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { ProblemError, send } from "../api/client";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";

type Passkey = { id: string; name: string; created_at: string; last_used_at: string | null };
type Options = { challenge: string; host: string; user_handle: string; email: string; algorithms: number[]; known_credential_ids: string[] };

const bytesOf = (text: string) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const textOf = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** Has the device make one, and hands it over; null where the reader has closed the browser's window. */
async function makePasskey(name: string): Promise<Passkey | null> {
  const { body: options } = await send<Options>("/api/passkeys/options", { method: "POST" });
  let made: Credential | null;
  try {
    made = await navigator.credentials.create({
      publicKey: {
        challenge: bytesOf(options.challenge),
        rp: { id: options.host, name: "Slotstream" },
        user: { id: bytesOf(options.user_handle), name: options.email, displayName: options.email },
        pubKeyCredParams: options.algorithms.map((alg) => ({ type: "public-key", alg })),
        excludeCredentials: options.known_credential_ids.map((id) => ({ type: "public-key", id: bytesOf(id) })),
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
        attestation: "none",
        timeout: 300_000,
      },
    });
  } catch {
    return null;
  }
  if (!(made instanceof PublicKeyCredential) || !(made.response instanceof AuthenticatorAttestationResponse)) return null;
  const body = {
    name,
    credential_id: textOf(made.rawId),
    client_data: textOf(made.response.clientDataJSON),
    attestation: textOf(made.response.attestationObject),
  };
  return (await send<Passkey>("/api/passkeys", { method: "POST", body })).body;
}

export function Passkeys() {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const queries = useQueryClient();
  const passkeys = useQuery({ queryKey: ["passkeys"], queryFn: async () => (await send<{ items: Passkey[] }>("/api/passkeys")).body.items });
  const [name, setName] = useState("");
  const [state, setState] = useState<"ready" | "waiting" | "added" | "none">("ready");
  const [error, setError] = useState<unknown>(null);
  const run = async (work: () => Promise<"ready" | "added" | "none">) => {
    setError(null);
    setState("waiting");
    try {
      setState(await work());
      await queries.invalidateQueries({ queryKey: ["passkeys"] });
    } catch (failure) {
      setError(failure);
      setState("ready");
    }
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      if (!(await makePasskey(name.trim()))) return "none";
      setName("");
      return "added";
    });
  };
  const remove = (id: string) =>
    void run(async () => {
      await send(`/api/passkeys/${id}`, { method: "DELETE" });
      return "ready";
    });
  const again = error instanceof ProblemError && error.code === "recent_sign_in_required";
  return (
    <form className="panel" onSubmit={add}>
      <h2>{t("settings.passkeys")}</h2>
      <p className="soft">{t("settings.passkeysHint")}</p>
      <Problem error={error ?? passkeys.error} />
      {again && <p><a href={`/sign-in?again=1&next=${encodeURIComponent("/settings/profile")}`}>{t("settings.signInAgain")}</a></p>}
      {passkeys.data?.map((passkey) => (
        <div className="ln" key={passkey.id}>
          <div>
            <bdi>{passkey.name}</bdi>
            <small>
              {t("settings.passkeyMade", { time: clock.dayAndTime(instantOf(passkey.created_at)) })}
              {passkey.last_used_at && ` · ${t("settings.lastUsed", { time: clock.dayAndTime(instantOf(passkey.last_used_at)) })}`}
            </small>
          </div>
          <span />
          <Button isDisabled={state === "waiting"} aria-label={`${t("settings.removePasskey")}: ${passkey.name}`} onPress={() => remove(passkey.id)}>{t("settings.removePasskey")}</Button>
        </div>
      ))}
      {"PublicKeyCredential" in window && (
        <>
          <TextField label={t("settings.passkeyName")} value={name} onChange={setName} maxLength={200} />
          <Button type="submit" isDisabled={!name.trim() || state === "waiting"}>{t("settings.addPasskey")}</Button>
        </>
      )}
      {state === "added" && <p role="status">{t("settings.passkeyAdded")}</p>}
      {state === "none" && <p role="status">{t("settings.noPasskeyMade")}</p>}
    </form>
  );
}

/** What people change of themselves: how they are called, and their password. */
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { send } from "../api/client";
import { useSession } from "../api/session";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { Problem } from "../ui/Problem";

const MIN_PASSWORD = 10;

/** A form that sends once at a time, and says that it was done or why not. */
function useSending() {
  const [state, setState] = useState<"ready" | "sending" | "done">("ready");
  const [error, setError] = useState<unknown>(null);
  const submit = (work: () => Promise<unknown>) => async (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    setState("sending");
    try {
      await work();
      setState("done");
    } catch (failure) {
      setError(failure);
      setState("ready");
    }
  };
  return { submit, state, error };
}

export function NameForm() {
  const { t } = useTranslation();
  const { user } = useSession();
  const [name, setName] = useState(user.name);
  const { submit, state, error } = useSending();
  const save = submit(async () => {
    await send("/api/session/user", { method: "PATCH", body: { name: name.trim() } });
    location.reload();
  });
  return (
    <form className="panel" onSubmit={(event) => void save(event)}>
      <h2>{t("settings.yourName")}</h2>
      <Problem error={error} />
      <TextField label={t("field.name")} value={name} onChange={setName} maxLength={200} />
      <Button type="submit" isDisabled={!name.trim() || name.trim() === user.name || state === "sending"}>{t("settings.saveName")}</Button>
    </form>
  );
}

export function PasswordForm() {
  const { t } = useTranslation();
  const { user } = useSession();
  const [current, setCurrent] = useState("");
  const [fresh, setFresh] = useState("");
  const { submit, state, error } = useSending();
  const save = submit(async () => {
    await send("/api/session/password", { method: "PUT", body: { current_password: current, new_password: fresh } });
    setCurrent("");
    setFresh("");
  });
  return (
    <form className="panel" onSubmit={(event) => void save(event)}>
      <h2>{t("settings.password")}</h2>
      <Problem error={error} />
      <input type="email" autoComplete="username" value={user.email} readOnly hidden />
      <div className="two">
        <TextField label={t("settings.currentPassword")} type="password" autoComplete="current-password" value={current} onChange={setCurrent} maxLength={256} />
        <TextField label={t("settings.newPassword")} type="password" autoComplete="new-password" value={fresh} onChange={setFresh} maxLength={256} hint={t("settings.passwordHint", { minimum: MIN_PASSWORD })} />
      </div>
      <Button type="submit" isDisabled={!current || fresh.length < MIN_PASSWORD || state === "sending"}>{t("settings.changePassword")}</Button>
      {state === "done" && <p role="status">{t("settings.passwordChanged")}</p>}
    </form>
  );
}

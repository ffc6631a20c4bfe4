/** Who signs in: their roles, what they are limited to, and somebody new. */
import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "../api/session";
import { useBusiness } from "../business";
import { instantOf } from "../time";
import { Button } from "../ui/Button";
import { Select, TextField } from "../ui/fields";
import { Menu } from "../ui/Menu";
import { Waiting } from "../ui/Page";
import { Avatar } from "../ui/Pill";
import { Problem } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { isWhole, LimitFields, type Limits, NO_LIMITS, useLimitsSaid } from "./limits";
import { get, type PageOf, useRun } from "./useRun";

type User = Limits & { id: string; email: string; name: string; role: string; state: string; last_sign_in_at: string | null; version: number };

const USERS = "/api/dashboard/v1/users";
const OWNER = "owner";
const ROLES = [OWNER, "manager", "staff", "viewer"] as const;

export function Users() {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const me = useSession().user;
  const users = useQuery({ queryKey: ["users"], queryFn: () => get<PageOf<User>>(`${USERS}?limit=100`) });
  const { run, error } = useRun(["users"]);
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState("staff");
  const [limits, setLimits] = useState(NO_LIMITS);
  const [limiting, setLimiting] = useState<string | null>(null);
  const limitsSaid = useLimitsSaid();
  if (!users.data) return <Waiting error={users.error} />;
  const limited = users.data.items.find((user) => user.id === limiting);
  const act = (user: User, verb: string) => {
    if (verb === "limits") return setLimiting(user.id);
    void (verb === "invite" ? run(`${USERS}/${user.id}/invitation`, { method: "POST" }) : run(`${USERS}/${user.id}`, { method: "PATCH", version: user.version, body: { active: user.state === "deactivated" } }));
  };
  const invite = async () => {
    const done = await run(USERS, { method: "POST", body: { name: name.trim(), email: email.trim(), role, ...(role === OWNER ? NO_LIMITS : limits) } });
    if (!done) return;
    setName("");
    setEmail("");
    setLimits(NO_LIMITS);
  };
  return (
    <>
      <Problem error={error} />
      <ul className="people-list">
        {users.data.items.map((user) => (
          <li key={user.id} className={user.state === "deactivated" ? "off" : ""}>
            <Avatar name={user.name} />
            <span className="grow">
              <b><bdi>{user.name}</bdi></b>
              <small>
                <bdi>{user.email}</bdi> · {t(`settings.state.${user.state}`)}
                {limitsSaid(user).map((limit) => <Fragment key={limit}> · <bdi>{limit}</bdi></Fragment>)}
                {user.last_sign_in_at && ` · ${t("settings.lastSignIn", { time: clock.dayAndTime(instantOf(user.last_sign_in_at)) })}`}
              </small>
            </span>
            <Select hiddenLabel label={t("settings.role")} value={user.role} isDisabled={user.id === me.id} onChange={(value) => void run(`${USERS}/${user.id}`, { method: "PATCH", version: user.version, body: { role: value } })} options={ROLES.map((id) => ({ id, name: t(`role.${id}`) }))} />
            {user.id !== me.id && (
              <Menu
                label={t("list.more", { label: user.name })}
                items={[{ id: "limits", name: t("settings.limitsOf"), why: user.role === OWNER ? t("code.owner_limited") : undefined }, ...(user.state === "invited" ? [{ id: "invite", name: t("settings.inviteAgain") }] : []), { id: "active", name: t(user.state === "deactivated" ? "settings.activate" : "settings.deactivate"), danger: user.state !== "deactivated" }]}
                onAction={(verb) => act(user, verb)}
              />
            )}
          </li>
        ))}
      </ul>
      <section className="panel">
        <h2>{t("settings.invite")}</h2>
        <div className="three">
          <TextField label={t("field.name")} value={name} onChange={setName} maxLength={200} />
          <TextField label={t("field.email")} type="email" value={email} onChange={setEmail} maxLength={254} />
          <Select label={t("settings.role")} value={role} onChange={setRole} options={ROLES.map((id) => ({ id, name: t(`role.${id}`) }))} />
        </div>
        {role !== OWNER && <LimitFields value={limits} onChange={setLimits} />}
        <Button kind="primary" isDisabled={!name.trim() || !email.trim() || (role !== OWNER && !isWhole(limits))} onPress={invite}>
          {t("settings.sendInvitation")}
        </Button>
      </section>
      {limited && <LimitsSheet user={limited} onClose={() => setLimiting(null)} />}
    </>
  );
}

function LimitsSheet({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation();
  const { run, error } = useRun(["users"]);
  const [limits, setLimits] = useState<Limits>({ business_ids: user.business_ids, resource_id: user.resource_id });
  const save = async () => (await run(`${USERS}/${user.id}`, { method: "PATCH", version: user.version, body: limits })) && onClose();
  return (
    <Sheet
      title={user.name}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("back")}</Button>
          <Button kind="primary" isDisabled={!isWhole(limits)} onPress={save}>{t("save")}</Button>
        </>
      }
    >
      <Problem error={error} />
      <LimitFields value={limits} onChange={setLimits} />
    </Sheet>
  );
}

/** The frame of every screen: navigation, the business switcher, toasts, keys. */
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button as AriaButton, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import { useCounts } from "./api/appointments";
import { send } from "./api/client";
import { listen } from "./api/live";
import { useRight, useSession } from "./api/session";
import { startOnCurrent } from "./appointments/current";
import { useBusiness } from "./business";
import { CommandMenu } from "./command/CommandMenu";
import { Help } from "./command/Help";
import { useCommandKey, useShortcuts, withCommand } from "./keys";
import { UnreadBadge, UnreadDot } from "./messages/unread";
import { DAILY, SETUP, type Screen } from "./screens";
import { forgetTyped } from "./typed";
import { Icon, type IconName } from "./ui/Icon";
import { Avatar } from "./ui/Pill";
import { Sheet } from "./ui/Sheet";
import { Toasts } from "./ui/toasts";

export function Shell() {
  const { t } = useTranslation();
  const session = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [help, setHelp] = useState(false);
  const [more, setMore] = useState(false);
  const [commanding, setCommanding] = useState(false);
  const mayBook = useRight("book");
  useEffect(() => listen(client, session.live_place), [client, session.live_place]);
  useEffect(() => setMore(false), [path]);
  const current = (to: string) => path === to || path.startsWith(`${to}/`);
  // What asks something is answered first: the menu would lead away from it.
  useCommandKey("k", () => (commanding || !document.querySelector(".overlay")) && setCommanding(!commanding));
  useShortcuts({
    "?": () => setHelp(true),
    n: () => mayBook && void navigate({ to: "/appointments/new" }),
    "g c": () => void navigate({ to: "/calendar" }),
    "g a": () => void navigate({ to: "/appointments" }),
    "g l": () => void navigate({ to: "/clients" }),
    "g m": () => void navigate({ to: "/messages" }),
    "g r": () => void navigate({ to: "/reports" }),
    "/": () => document.querySelector<HTMLInputElement>("input[type=search]")?.focus(),
    c: () => startOnCurrent("confirm"),
    // In the calendar it shows the day.
    d: () => !current("/calendar") && startOnCurrent("complete"),
    r: () => startOnCurrent("reschedule"),
    m: () => startOnCurrent("message"),
    e: () => startOnCurrent("edit"),
  });
  return (
    <div className={`app${current("/calendar") ? " narrow" : ""}`}>
      <a className="skip" href="#main">
        {t("skip")}
      </a>
      <nav className="side" aria-label={t("nav.main")}>
        <div className="brand">
          <i />
          <span className="lb">Slotstream</span>
        </div>
        <Switcher />
        <CommandEntry onOpen={() => setCommanding(true)} />
        {DAILY.map((entry) => (
          <Entry key={entry.to} entry={entry} current={current(entry.to)} />
        ))}
        <h2 className="lb">{t("nav.setup")}</h2>
        {SETUP.map((entry) => (
          <Entry key={entry.to} entry={entry} current={current(entry.to)} />
        ))}
        <div className="me">
          <Avatar name={session.user.name} />
          <span className="lb">
            <b>
              <bdi>{session.user.name}</bdi>
            </b>
            <small>{t(`role.${session.user.role}`, { defaultValue: session.user.role })}</small>
          </span>
          <SignOut />
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <nav className="tabbar" aria-label={t("nav.main")}>
        <TabLink to="/calendar" icon="cal" name={t("nav.calendar")} current={current("/calendar")} />
        <TabLink to="/appointments" icon="list" name={t("nav.list")} current={current("/appointments")} />
        {mayBook && (
          <Link to="/appointments/new" className="add" aria-label={t("new.title")}>
            <Icon name="plus" />
          </Link>
        )}
        <TabLink to="/clients" icon="users" name={t("nav.clients")} current={current("/clients")} />
        <button type="button" onClick={() => setMore(true)}>
          <Icon name="dots" />
          {t("nav.more")}
          <UnreadDot />
        </button>
      </nav>
      {more && (
        <Sheet title={t("nav.more")} onClose={() => setMore(false)}>
          <Switcher />
          <CommandEntry
            onOpen={() => {
              setMore(false);
              setCommanding(true);
            }}
          />
          {[...DAILY, ...SETUP].map((entry) => (
            <Entry key={entry.to} entry={entry} current={current(entry.to)} />
          ))}
          <SignOut named />
        </Sheet>
      )}
      {help && <Help onClose={() => setHelp(false)} />}
      {commanding && <CommandMenu onClose={() => setCommanding(false)} onHelp={() => setHelp(true)} />}
      <Toasts />
    </div>
  );
}

function CommandEntry({ onOpen }: { onOpen: () => void }) {
  const { t } = useTranslation();
  return (
    <button type="button" className="nav go" onClick={onOpen} title={t("command.open")}>
      <Icon name="search" />
      <span className="lb">{t("command.open")}</span>
      <kbd className="lb" aria-hidden="true">
        {withCommand("K")}
      </kbd>
    </button>
  );
}

function Entry({ entry, current }: { entry: Screen; current: boolean }) {
  const { t } = useTranslation();
  const session = useSession();
  if (entry.right && !session.rights.includes(entry.right)) return null;
  const name = t(`nav.${entry.name}`);
  return (
    <Link to={entry.to} className="nav" aria-current={current ? "page" : undefined} title={name}>
      <Icon name={entry.icon} />
      <span className="lb">{name}</span>
      {entry.badge === "pending" && <Pending />}
      {entry.badge === "unread" && <UnreadBadge />}
    </Link>
  );
}

function Pending() {
  const { t } = useTranslation();
  const counts = useCounts({ status: ["pending"] });
  const total = counts.data?.total ?? 0;
  if (!useRight("write_appointments") || !total) return null;
  return (
    <em className="lb" aria-label={t("nav.pending", { count: total })}>
      {total}
    </em>
  );
}

function TabLink({ to, icon, name, current }: { to: string; icon: IconName; name: string; current: boolean }) {
  return (
    <Link to={to} aria-current={current ? "page" : undefined}>
      <Icon name={icon} />
      {name}
    </Link>
  );
}

function Switcher() {
  const { t } = useTranslation();
  const { business, businesses, choose, clock } = useBusiness();
  const { organization } = useSession();
  if (!business) return null;
  return (
    <Select className="switcher" aria-label={t("nav.business")} value={business.id} onChange={(key) => key !== null && choose(String(key))}>
      <AriaButton className="switch">
        <span className="lb">
          <b>
            <bdi>{organization.name}</bdi>
          </b>
          <small>
            <SelectValue>{() => <bdi>{`${business.name} · ${clock.place}`}</bdi>}</SelectValue>
          </small>
        </span>
        <Icon name="down" />
      </AriaButton>
      <Popover className="popover">
        <ListBox className="listbox" items={businesses}>
          {(item) => (
            <ListBoxItem className="option" textValue={item.name}>
              <bdi>{item.name}</bdi>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}

function SignOut({ named }: { named?: boolean }) {
  const { t } = useTranslation();
  const out = () => {
    forgetTyped();
    void send("/api/session", { method: "DELETE" }).finally(() => location.assign("/sign-in?notice=signed_out"));
  };
  return (
    <button type="button" className={named ? "nav" : "btn quiet ic lb"} onClick={out} aria-label={t("signOut")} title={t("signOut")}>
      <Icon name="ext" />
      {named && t("signOut")}
    </button>
  );
}

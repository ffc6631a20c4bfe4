/** Everything by typing a part of its name: go somewhere, find a client, or do something with the current appointment. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Autocomplete, Collection, Dialog, Header, Input, Label, Menu, MenuItem, MenuSection, Modal, ModalOverlay, TextField, useFilter } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { useRight, useSession } from "../api/session";
import { readCurrent } from "../appointments/current";
import { useBusiness } from "../business";
import { optionOf, useFoundClients } from "../clients/ClientPicker";
import { placesOf } from "../screens";
import { Clock, instantOf } from "../time";
import { Icon } from "../ui/Icon";
import { type Command, type Group, commandOf, fitting } from "./groups";

const REST = 150;
/** Fewer signs than that find everybody. */
const LEAST = 2;
const VERB_KEYS: Record<string, string> = { confirm: "C", complete: "D", reschedule: "R", message: "M", edit: "E" };

export function CommandMenu({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const typed = text.trim();
  const { contains } = useFilter({ sensitivity: "base" });
  const own = fitting(useOwnGroups(onHelp), typed, contains);
  const clients = useClients(typed);
  const groups = clients ? [...own, clients] : own;
  const run = (id: string) => {
    const command = commandOf(groups, id);
    onClose();
    // Once the menu has given the focus back: what opens now gives it back there too.
    if (command) window.setTimeout(command.run);
  };
  return (
    <ModalOverlay isOpen isDismissable onOpenChange={(open) => !open && onClose()} className="overlay at-top">
      <Modal className="sheet palette">
        <Dialog className="dialog" aria-label={t("command.title")}>
          <Autocomplete inputValue={text} onInputChange={setText}>
            <TextField className="palette-field" autoFocus maxLength={200}>
              <Icon name="search" />
              <Label className="sr">{t("command.placeholder")}</Label>
              <Input placeholder={t("command.placeholder")} />
              <kbd aria-hidden="true">Esc</kbd>
            </TextField>
            {/* The field keeps the focus, so what scrolls has to be reachable by itself. */}
            <div className="palette-list" tabIndex={0} role="group" aria-label={t("command.title")}>
              <Menu className="listbox" items={groups} onAction={(id) => run(String(id))} renderEmptyState={() => <p className="hint">{t("list.nothingMatches")}</p>}>
                {(group) => (
                  <MenuSection id={group.id}>
                    <Header>{group.name}</Header>
                    <Collection items={group.commands}>{(command) => <Item command={command} />}</Collection>
                  </MenuSection>
                )}
              </Menu>
            </div>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Item({ command }: { command: Command }) {
  return (
    <MenuItem id={command.id} textValue={command.name} className={command.danger ? "option danger" : "option"}>
      {command.icon && <Icon name={command.icon} />}
      <bdi>{command.name}</bdi>
      {command.detail && (
        <small>
          <bdi dir="ltr">{command.detail}</bdi>
        </small>
      )}
      {command.keys && <kbd aria-hidden="true">{command.keys}</kbd>}
    </MenuItem>
  );
}

/** What is known without asking: verbs of the current appointment, what can be made, and screens. */
function useOwnGroups(onHelp: () => void): Group[] {
  const { t } = useTranslation();
  const session = useSession();
  const navigate = useNavigate();
  const { clock } = useBusiness();
  const mayBook = useRight("book");
  // As it was when the menu opened: what is current may not change under the hand.
  const [current] = useState(readCurrent);
  const verbs = (current?.items ?? [])
    .filter((item) => !item.why)
    .map((item): Command => ({ id: `verb ${item.id}`, name: item.name, icon: item.icon, danger: item.danger, keys: VERB_KEYS[item.id], run: () => current?.start(item.id) }));
  const about = current && `${current.appointment.client.name}, ${new Clock(clock.locale, current.appointment.zone).dayAndTime(instantOf(current.appointment.starts_at))}`;
  const made: Command[] = mayBook ? [{ id: "new", name: t("new.title"), icon: "plus", keys: "N", run: () => void navigate({ to: "/appointments/new" }) }] : [];
  return [
    { id: "current", name: about ?? "", commands: verbs },
    { id: "do", name: t("command.do"), commands: [...made, { id: "help", name: t("keys.title"), icon: "key", keys: "?", run: onHelp }] },
    { id: "places", name: t("command.goTo"), commands: placesOf(session, t).map((place): Command => ({ ...place, id: place.to, run: () => void navigate({ to: place.to }) })) },
  ];
}

/** Asked for when typing rests. */
function useClients(typed: string): Group | null {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const mayRead = useRight("read_clients");
  const [rested, setRested] = useState("");
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(typed), REST);
    return () => clearTimeout(timer);
  }, [typed]);
  const found = useFoundClients(rested, mayRead);
  if (typed.length < LEAST || !found.length) return null;
  const commands = found.map((client): Command => {
    const { name, detail } = optionOf(client);
    return { id: `client ${client.id}`, name, detail, icon: "pers", run: () => void navigate({ to: "/clients/$id", params: { id: client.id } }) };
  });
  return { id: "clients", name: t("command.clients"), commands };
}

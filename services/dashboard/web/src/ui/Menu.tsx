import { Menu as AriaMenu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { Button } from "./Button";
import { Icon, type IconName } from "./Icon";

export type Item = { id: string; name: string; icon?: IconName; danger?: boolean; why?: string };

/** The ⋯ menu. What cannot be done now is there, and says why. */
export function Menu({ label, items, onAction, icon = "dots", excludeFromTabOrder }: { label: string; items: readonly Item[]; onAction: (id: string) => void; icon?: IconName; excludeFromTabOrder?: boolean }) {
  return (
    <MenuTrigger>
      <Button icon={icon} aria-label={label} kind="quiet" excludeFromTabOrder={excludeFromTabOrder} />
      <Popover className="popover">
        <AriaMenu className="listbox" onAction={(key) => onAction(String(key))} disabledKeys={items.filter((item) => item.why).map((item) => item.id)}>
          {items.map((item) => (
            <MenuItem key={item.id} id={item.id} textValue={item.name} className={item.danger ? "option danger" : "option"}>
              {item.icon && <Icon name={item.icon} />}
              <span>
                {item.name}
                {item.why && <small>{item.why}</small>}
              </span>
            </MenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}

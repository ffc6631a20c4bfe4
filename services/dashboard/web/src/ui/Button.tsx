import { Button as AriaButton, type ButtonProps } from "react-aria-components";
import { Icon, type IconName } from "./Icon";

type Props = Omit<ButtonProps, "className" | "children"> & {
  kind?: "plain" | "primary" | "quiet" | "danger";
  icon?: IconName;
  /** With an icon alone, `aria-label` says what it does. */
  children?: React.ReactNode;
  shortcut?: string;
  mirrored?: boolean;
  className?: string;
};

export function Button({ kind = "plain", icon, children, shortcut, mirrored, className = "", ...rest }: Props) {
  const classes = ["btn", kind === "primary" && "pri", kind === "quiet" && "quiet", kind === "danger" && "danger", !children && "ic", mirrored && "flip", className];
  return (
    <AriaButton {...rest} className={classes.filter(Boolean).join(" ")}>
      {icon && <Icon name={icon} />}
      {children}
      {shortcut && <kbd aria-hidden="true">{shortcut}</kbd>}
    </AriaButton>
  );
}

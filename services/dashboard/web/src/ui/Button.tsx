import { Button as AriaButton, type ButtonProps, type PressEvent } from "react-aria-components";
import { useBusy } from "./busy";
import { Icon, type IconName } from "./Icon";

type Props = Omit<ButtonProps, "className" | "children" | "onPress"> & {
  /** Where it gives a promise, the button is busy until then. */
  onPress?: (event: PressEvent) => unknown;
  kind?: "plain" | "primary" | "quiet" | "danger";
  icon?: IconName;
  /** With an icon alone, `aria-label` says what it does. */
  children?: React.ReactNode;
  shortcut?: string;
  mirrored?: boolean;
  className?: string;
};

export function Button({ kind = "plain", icon, children, shortcut, mirrored, className = "", onPress, isPending, ...rest }: Props) {
  const [busy, once] = useBusy();
  const classes = ["btn", kind === "primary" && "pri", kind === "quiet" && "quiet", kind === "danger" && "danger", !children && "ic", mirrored && "flip", className];
  return (
    <AriaButton {...rest} isPending={isPending || busy} onPress={onPress && ((event) => void once(() => onPress(event)))} className={classes.filter(Boolean).join(" ")}>
      {icon && <Icon name={icon} />}
      {children}
      {shortcut && <kbd aria-hidden="true">{shortcut}</kbd>}
    </AriaButton>
  );
}

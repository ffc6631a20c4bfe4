/** Labelled fields: none can be made without a name. */
import {
  Checkbox as AriaCheckbox,
  ComboBox as AriaComboBox,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Select as AriaSelect,
  SelectValue,
  Text,
  TextArea as AriaTextArea,
  TextField as AriaTextField,
  Button as AriaButton,
} from "react-aria-components";
import { Icon } from "./Icon";

type TextProps = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  error?: string | null;
  hint?: string;
  type?: "text" | "email" | "tel" | "password" | "search" | "number" | "date" | "url";
  lines?: number;
  isRequired?: boolean;
  autoFocus?: boolean;
  autoComplete?: string;
  placeholder?: string;
  maxLength?: number;
  isDisabled?: boolean;
  dir?: "ltr" | "auto";
  onBlur?: () => void;
  isReadOnly?: boolean;
};

export function TextField({ label, value, onChange, error, hint, type = "text", lines, placeholder, dir, ...rest }: TextProps) {
  return (
    <AriaTextField className="field" value={value} onChange={onChange} isInvalid={Boolean(error)} type={type} validationBehavior="aria" {...rest}>
      <Label>{label}</Label>
      {lines ? <AriaTextArea className="input" rows={lines} placeholder={placeholder} /> : <Input className="input" placeholder={placeholder} dir={dir ?? (type === "tel" ? "ltr" : undefined)} />}
      {hint && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError className="error">{error}</FieldError>
    </AriaTextField>
  );
}

export type Option = { id: string; name: string; detail?: string };

type SelectProps = { label: string; options: readonly Option[]; value: string | null; onChange: (id: string) => void; placeholder?: string; hiddenLabel?: boolean; isDisabled?: boolean };

export function Select({ label, options, value, onChange, placeholder, hiddenLabel, isDisabled }: SelectProps) {
  return (
    <AriaSelect className="field" value={value} onChange={(key) => key !== null && onChange(String(key))} placeholder={placeholder} isDisabled={isDisabled} aria-label={hiddenLabel ? label : undefined}>
      {!hiddenLabel && <Label>{label}</Label>}
      <AriaButton className="input select">
        <SelectValue />
        <Icon name="down" />
      </AriaButton>
      <Popover className="popover">
        <ListBox className="listbox" items={options}>
          {(option) => <Row option={option} />}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

type ComboProps = {
  label: string;
  options: readonly Option[];
  value: string | null;
  onChange: (id: string | null) => void;
  text: string;
  onText: (text: string) => void;
  hint?: string;
  error?: string | null;
  autoFocus?: boolean;
};

/** A list narrowed by typing; what was typed and is not in the list stays with the caller. */
export function ComboBox({ label, options, value, onChange, text, onText, hint, error, autoFocus }: ComboProps) {
  return (
    <AriaComboBox
      className="field"
      items={options}
      value={value}
      onChange={(key) => onChange(key === null ? null : String(key))}
      inputValue={text}
      onInputChange={onText}
      allowsCustomValue
      menuTrigger="focus"
      isInvalid={Boolean(error)}
      defaultFilter={() => true}
      autoFocus={autoFocus}
    >
      <Label>{label}</Label>
      <Input className="input" />
      {hint && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError className="error">{error}</FieldError>
      <Popover className="popover">
        <ListBox className="listbox" items={options}>
          {(option: Option) => <Row option={option} />}
        </ListBox>
      </Popover>
    </AriaComboBox>
  );
}

function Row({ option }: { option: Option }) {
  return (
    <ListBoxItem id={option.id} textValue={option.name} className="option">
      <Text slot="label">
        <bdi>{option.name}</bdi>
      </Text>
      {option.detail && (
        <Text slot="description">
          <bdi>{option.detail}</bdi>
        </Text>
      )}
    </ListBoxItem>
  );
}

export function Checkbox({ children, value, onChange, mixed, isDisabled, label, excludeFromTabOrder }: { children?: React.ReactNode; value: boolean; onChange: (value: boolean) => void; mixed?: boolean; isDisabled?: boolean; label?: string; excludeFromTabOrder?: boolean }) {
  return (
    <AriaCheckbox className="check" isSelected={value} isIndeterminate={mixed} onChange={onChange} isDisabled={isDisabled} aria-label={label} excludeFromTabOrder={excludeFromTabOrder}>
      <span className="box" aria-hidden="true">
        <Icon name={mixed ? "dots" : "check"} />
      </span>
      {children}
    </AriaCheckbox>
  );
}

/** The same, of the browser's own parts alone: for tables, where there are many. */
export function PlainCheckbox({ value, onChange, label, excludeFromTabOrder }: { value: boolean; onChange: (value: boolean) => void; label: string; excludeFromTabOrder?: boolean }) {
  return (
    <label className="check" data-selected={value || undefined}>
      <input type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} aria-label={label} tabIndex={excludeFromTabOrder ? -1 : undefined} />
      <span className="box" aria-hidden="true">
        <Icon name="check" />
      </span>
    </label>
  );
}

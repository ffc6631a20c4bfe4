/** Whose columns are shown: those that are checked, perhaps only who works on the shown days. */
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Checkbox } from "../ui/fields";
import { Icon } from "../ui/Icon";

type Named = { resource_id: string; name: string; kind: string };
type Props = {
  lanes: readonly Named[];
  chosen: ReadonlySet<string>;
  onChange: (staff: string[] | undefined) => void;
  /** How many are there now. */
  shown: number;
  working: boolean;
  onWorking: (working: boolean) => void;
};

const KINDS = ["staff", "room", "equipment", "business"];

export function StaffFilter({ lanes, chosen, onChange, shown, working, onWorking }: Props) {
  const { t } = useTranslation();
  const toggle = (id: string, on: boolean) => {
    const next = lanes.map((lane) => lane.resource_id).filter((lane) => (lane === id ? on : chosen.has(lane)));
    onChange(next.length === lanes.length || next.length === 0 ? undefined : next);
  };
  const groups = KINDS.map((kind) => ({ kind, own: lanes.filter((lane) => lane.kind === kind) })).filter(({ own }) => own.length);
  return (
    <DialogTrigger>
      <AriaButton className="btn">
        {t("calendar.staff")} <span className="soft">{t("calendar.of", { shown, all: lanes.length })}</span>
        <Icon name="down" />
      </AriaButton>
      <Popover className="popover">
        <Dialog className="choices" aria-label={t("calendar.staff")}>
          <Checkbox value={working} onChange={onWorking}>
            {t("calendar.onlyWorking")}
          </Checkbox>
          {groups.map(({ kind, own }) => (
            <fieldset key={kind} className="group">
              <legend className={groups.length > 1 ? undefined : "sr"}>{t(`kind.${kind}`)}</legend>
              {own.map((lane) => (
                <Checkbox key={lane.resource_id} value={chosen.has(lane.resource_id)} onChange={(on) => toggle(lane.resource_id, on)}>
                  <bdi>{lane.name}</bdi>
                </Checkbox>
              ))}
            </fieldset>
          ))}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

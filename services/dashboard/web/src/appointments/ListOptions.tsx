/** The list's sliders: how close its rows stand, and which columns they have. Kept with the user. */
import { useTranslation } from "react-i18next";
import { Dialog, DialogTrigger, Popover } from "react-aria-components";
import { COLUMNS, type Column, type Density, usePreferences } from "../api/preferences";
import { Button } from "../ui/Button";
import { Checkbox } from "../ui/fields";
import { Segments } from "../ui/Segments";

export function ListOptions() {
  const { t } = useTranslation();
  return (
    <DialogTrigger>
      <Button kind="quiet" icon="sl" aria-label={t("list.view")} />
      <Popover className="popover" placement="bottom end">
        <Dialog className="view-menu" aria-label={t("list.view")}>
          <Choices />
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function Choices() {
  const { t } = useTranslation();
  const [{ density, hidden_columns }, change] = usePreferences();
  const hidden = hidden_columns ?? [];
  const name = (column: Column) => (column === "signals" ? t("list.signals") : t(`field.${column}`));
  return (
    <>
      <Segments<Density>
        label={t("list.density")}
        value={density ?? "comfortable"}
        onChange={(chosen) => change({ density: chosen })}
        choices={[
          ["comfortable", t("list.density_comfortable")],
          ["compact", t("list.density_compact")],
        ]}
      />
      <fieldset className="group">
        <legend>{t("list.columns")}</legend>
        {COLUMNS.map((column) => (
          <Checkbox key={column} value={!hidden.includes(column)} onChange={(on) => change({ hidden_columns: on ? hidden.filter((other) => other !== column) : [...hidden, column] })}>
            {name(column)}
          </Checkbox>
        ))}
      </fieldset>
    </>
  );
}

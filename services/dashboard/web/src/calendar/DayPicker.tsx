/** The date in the calendar's head: pressed, it shows a month to choose a day of, and a field to type one into. */
import { Suspense, lazy, useState } from "react";
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { type Clock, type Day, isDay } from "../time";
import { Icon } from "../ui/Icon";

/** Of its own file: most days are reached by arrows. */
const MonthPicker = lazy(() => import("./MonthPicker"));

type Props = { title: string; day: Day; today: Day; clock: Clock; onChange: (day: Day) => void };

export function DayPicker({ title, day, today, clock, onChange }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const choose = (chosen: Day) => {
    setOpen(false);
    onChange(chosen);
  };
  return (
    <DialogTrigger isOpen={open} onOpenChange={setOpen}>
      <AriaButton className="day-button">
        <bdi>{title}</bdi>
        <Icon name="down" />
      </AriaButton>
      <Popover className="popover day-picker">
        <Dialog className="stack" aria-label={t("calendar.pick")}>
          <Suspense fallback={<div className="month" />}>
            <MonthPicker day={day} today={today} clock={clock} onChange={choose} />
          </Suspense>
          <input type="date" className="input" aria-label={t("calendar.pick")} defaultValue={day} onKeyDown={(event) => event.key === "Enter" && isDay(event.currentTarget.value) && choose(event.currentTarget.value)} />
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

/** The sliders: how closely and which hours of the day are drawn, what colours tell, and whether what is gone is shown. */
import { useId, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Dialog, DialogTrigger, Popover } from "react-aria-components";
import type { Service } from "../api/catalogue";
import type { Asking } from "../api/preferences";
import { numbers } from "../numbers";
import { Clock } from "../time";
import { Button } from "../ui/Button";
import { Checkbox, Select } from "../ui/fields";
import { Segments } from "../ui/Segments";
import { type HoursShown, USUAL, type ViewOptions, ZOOMS, withHour } from "./viewOptions";

const HOUR = 3_600_000;

type Props = {
  options: ViewOptions;
  onOptions: (options: ViewOptions) => void;
  gone: boolean;
  onGone: (gone: boolean) => void;
  /** Null for whoever moves nothing. */
  asking: Asking | null;
  onAsking: (asking: Asking) => void;
  clock: Clock;
  /** Those that have a colour, with its number: none while colours tell statuses. */
  services: readonly { service: Service; hue: number }[];
};

export function ViewMenu(props: Props) {
  const { t } = useTranslation();
  return (
    <DialogTrigger>
      <Button kind="quiet" icon="sl" aria-label={t("calendar.options")} />
      <Popover className="popover" placement="bottom end">
        <Dialog className="view-menu" aria-label={t("calendar.options")}>
          <Choices {...props} />
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function Choices({ options, onOptions, gone, onGone, asking, onAsking, clock, services }: Props) {
  const { t, i18n } = useTranslation();
  return (
    <>
      <Zoom zoom={options.zoom} language={i18n.language} onChange={(zoom) => onOptions({ ...options, zoom })} />
      <Segments<HoursShown>
        label={t("calendar.hoursShown")}
        value={options.hours}
        onChange={(hours) => onOptions({ ...options, hours })}
        choices={[
          ["all", t("calendar.hoursAll")],
          ["working", t("calendar.hoursWorking")],
          ["chosen", t("calendar.hoursChosen")],
        ]}
      />
      {options.hours === "chosen" && <ChosenHours options={options} onOptions={onOptions} clock={clock} />}
      {options.hours !== "all" && <p className="hint">{t("calendar.hoursHint")}</p>}
      <Segments<ViewOptions["colour"]>
        label={t("calendar.colour")}
        value={options.colour}
        onChange={(colour) => onOptions({ ...options, colour })}
        choices={[
          ["status", t("calendar.colourStatus")],
          ["service", t("calendar.colourService")],
        ]}
      />
      {services.length > 0 && (
        <ul className="legend by-service">
          {services.map(({ service, hue }) => (
            <li key={service.id} className={`hue-${hue}`}>
              <bdi>{service.name}</bdi>
            </li>
          ))}
        </ul>
      )}
      <Checkbox value={gone} onChange={onGone}>
        {t("calendar.gone")}
      </Checkbox>
      {asking && (
        <Segments<Asking>
          label={t("calendar.asking")}
          value={asking}
          onChange={onAsking}
          choices={[
            ["ask", t("calendar.askingAsk")],
            ["tell", t("calendar.askingTell")],
            ["quiet", t("calendar.askingQuiet")],
          ]}
        />
      )}
    </>
  );
}

/** A slider of the browser's own: by pointer, by arrows, right to left, and read out as a percentage. */
function Zoom({ zoom, language, onChange }: { zoom: number; language: string; onChange: (zoom: number) => void }) {
  const { t } = useTranslation();
  const id = useId();
  const share = numbers(language, { style: "percent", maximumFractionDigits: 0 }).format(zoom / USUAL.zoom);
  return (
    <div className="zoom">
      <label htmlFor={id}>{t("calendar.zoom")}</label>
      <output htmlFor={id}>{share}</output>
      <input id={id} type="range" min={0} max={ZOOMS.length - 1} value={ZOOMS.findIndex((known) => known === zoom)} aria-valuetext={share} onChange={(event) => onChange(ZOOMS[event.target.valueAsNumber] ?? USUAL.zoom)} />
    </div>
  );
}

function ChosenHours({ options, onOptions, clock }: Pick<Props, "options" | "onOptions" | "clock">) {
  const { t } = useTranslation();
  // Hours of no date: a zone without clock changes writes them in the reader's way.
  const wall = useMemo(() => new Clock(clock.locale, "UTC"), [clock.locale]);
  const hours = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => ({ id: String(first + index), name: wall.time((first + index) * HOUR) }));
  return (
    <div className="two">
      <Select label={t("calendar.hoursFrom")} value={String(options.from)} onChange={(id) => onOptions(withHour(options, "from", Number(id)))} options={hours(0, 23)} />
      <Select label={t("calendar.hoursTo")} value={String(options.to)} onChange={(id) => onOptions(withHour(options, "to", Number(id)))} options={hours(1, 24)} />
    </div>
  );
}

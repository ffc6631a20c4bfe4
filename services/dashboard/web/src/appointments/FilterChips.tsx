import { Button as AriaButton, Dialog, DialogTrigger, Popover } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { useActions, useResources, useServices } from "../api/catalogue";
import { useBusiness } from "../business";
import type { Day } from "../time";
import { Checkbox, type Option, Select } from "../ui/fields";
import { Icon } from "../ui/Icon";
import { ListOptions } from "./ListOptions";
import { type ListSearch, ORIGINS, type Period, SORT_KEYS, SOURCES, type SortKey, keyOf, sortBy, sortOf } from "./filters";

type Props = { search: ListSearch; today: Day; onChange: (change: Partial<ListSearch>) => void };
type Several = "staff" | "service" | "business" | "action" | "source" | "origin";

/** What narrows the list: when, and whose. Each chip tells what it lets through. */
export function FilterChips({ search, today, onChange }: Props) {
  const { t } = useTranslation();
  const { businesses } = useBusiness();
  const resources = useResources().data ?? [];
  const services = useServices().data ?? [];
  const actions = useActions().data ?? [];
  const sort = sortOf(search);
  const period: Period = search.period ?? (search.from || search.to ? "dates" : "today");
  const options: Record<Several, Option[]> = {
    staff: resources.filter((resource) => resource.kind === "staff" && !resource.archived),
    service: services.filter((service) => !service.archived),
    business: [...businesses],
    action: actions.filter((action) => !action.archived || search.action?.includes(action.id)),
    source: SOURCES.map((id) => ({ id, name: t(`source.${id}`) })),
    origin: ORIGINS.map((id) => ({ id, name: t(`origin.${id}`) })),
  };
  return (
    <div className="filters">
      <span className="seg" role="group" aria-label={t("filter.period")}>
        {(["today", "tomorrow", "week", "all", "dates"] as const).map((name) => (
          <button type="button" key={name} aria-pressed={period === name} onClick={() => onChange({ period: name === "today" ? undefined : name, ...(name === "dates" ? { from: search.from ?? today } : { from: undefined, to: undefined }) })}>
            {t(`filter.${name}`)}
          </button>
        ))}
      </span>
      {period === "dates" && (
        <span className="dates">
          <input type="date" aria-label={t("filter.from")} value={search.from ?? ""} onChange={(event) => onChange({ from: event.target.value || undefined })} />
          <span aria-hidden="true">–</span>
          <input type="date" aria-label={t("filter.to")} value={search.to ?? ""} onChange={(event) => onChange({ to: event.target.value || undefined })} />
        </span>
      )}
      {(Object.keys(options) as Several[]).map((name) => (
        <Chip key={name} name={t(`filter.${name}`)} options={options[name]} chosen={search[name] ?? []} onChange={(ids) => onChange({ [name]: ids.length ? ids : undefined })} />
      ))}
      <button type="button" className="chip" aria-pressed={search.archived ?? false} onClick={() => onChange({ archived: search.archived ? undefined : true })}>
        {t("filter.archived")}
      </button>
      <span className="sorting">
        <Select hiddenLabel label={t("list.sortedBy")} value={keyOf(sort)} onChange={(key) => onChange({ sort: sortBy(key as SortKey, sort) })} options={SORT_KEYS.map((id) => ({ id, name: t(`list.sort.${id}`) }))} />
        <button type="button" className="chip" aria-label={t(sort.startsWith("-") ? "list.descending" : "list.ascending")} onClick={() => onChange({ sort: sortBy(keyOf(sort), sort) })}>
          <span aria-hidden="true">{sort.startsWith("-") ? "↓" : "↑"}</span>
        </button>
      </span>
      <ListOptions />
    </div>
  );
}

function Chip({ name, options, chosen, onChange }: { name: string; options: readonly Option[]; chosen: readonly string[]; onChange: (ids: string[]) => void }) {
  const names = options.filter((option) => chosen.includes(option.id)).map((option) => option.name);
  return (
    <DialogTrigger>
      <AriaButton className={chosen.length ? "chip on" : "chip"}>
        {name}
        {names.length > 0 && (
          <b>
            <bdi>{names.length > 2 ? `${names[0]} +${names.length - 1}` : names.join(", ")}</bdi>
          </b>
        )}
        <Icon name="down" />
      </AriaButton>
      <Popover className="popover">
        <Dialog className="choices" aria-label={name}>
          {options.map((option) => (
            <Checkbox key={option.id} value={chosen.includes(option.id)} onChange={(on) => onChange(on ? [...chosen, option.id] : chosen.filter((id) => id !== option.id))}>
              <bdi>{option.name}</bdi>
            </Checkbox>
          ))}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

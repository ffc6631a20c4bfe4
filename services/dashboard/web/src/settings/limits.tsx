/** What a user is limited to: some businesses, one calendar, both or neither. */
import { useTranslation } from "react-i18next";
import { useResources } from "../api/catalogue";
import { useBusiness } from "../business";
import { Checkbox, Select } from "../ui/fields";

/** As the API has them: null is no limit. */
export type Limits = { business_ids: readonly string[] | null; resource_id: string | null };

export const NO_LIMITS: Limits = { business_ids: null, resource_id: null };
const EVERY = "every";

/** Limited to no business at all, nobody could do anything. */
export const isWhole = (limits: Limits): boolean => limits.business_ids === null || limits.business_ids.length > 0;

export function LimitFields({ value, onChange }: { value: Limits; onChange: (limits: Limits) => void }) {
  const { t } = useTranslation();
  const { businesses } = useBusiness();
  const chosen = value.business_ids;
  const within = (ids: readonly string[]) => chosen === null || ids.some((id) => chosen.includes(id));
  const calendars = (useResources().data ?? []).filter((resource) => resource.id === value.resource_id || (resource.kind === "staff" && !resource.archived && within(resource.business_ids)));
  return (
    <fieldset className="columns">
      <legend>{t("settings.limits")}</legend>
      <Checkbox value={chosen === null} onChange={(all) => onChange({ ...value, business_ids: all ? null : [] })}>{t("settings.allBusinesses")}</Checkbox>
      {chosen !== null && businesses.map((business) => <Checkbox key={business.id} value={chosen.includes(business.id)} onChange={(on) => onChange({ ...value, business_ids: on ? [...chosen, business.id] : chosen.filter((id) => id !== business.id) })}><bdi>{business.name}</bdi></Checkbox>)}
      <Select label={t("settings.calendar")} value={value.resource_id ?? EVERY} onChange={(id) => onChange({ ...value, resource_id: id === EVERY ? null : id })} options={[{ id: EVERY, name: t("settings.everyCalendar") }, ...calendars]} />
    </fieldset>
  );
}

/** In words, for a list: nothing where there is no limit. */
export function useLimitsSaid(): (limits: Limits) => string[] {
  const { businesses } = useBusiness();
  const resources = useResources().data ?? [];
  const nameOf = (known: readonly { id: string; name: string }[], id: string) => known.find((item) => item.id === id)?.name ?? "–";
  return ({ business_ids, resource_id }) => [...(business_ids ?? []).map((id) => nameOf(businesses, id)), ...(resource_id ? [nameOf(resources, resource_id)] : [])];
}

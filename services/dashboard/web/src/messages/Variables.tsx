/** What a text can name of each appointment: what is chosen is put at its end. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";
import { Select } from "../ui/fields";

type Variable = components["schemas"]["VariableOut"];

const NONE = "none";
/** What has no value in a message about one appointment. */
const ELSEWHERE = /^(series|offer)\.|^links\.offer$/;

export function Variables({ onPick }: { onPick: (named: string) => void }) {
  const { t } = useTranslation();
  const { data } = useQuery({ queryKey: ["templates", "variables"], queryFn: () => ask<Variable[]>("notifications", "/templates/variables"), staleTime: Infinity });
  const named = (data ?? []).filter((variable) => !ELSEWHERE.test(variable.name));
  const options = [{ id: NONE, name: t("writing.insertNone") }, ...named.map(({ name, example }) => ({ id: name, name: `\u2066${name}\u2069 (\u2068${example}\u2069)` }))];
  return <Select label={t("writing.insert")} value={NONE} onChange={(name) => name !== NONE && onPick(`{{ ${name} }}`)} options={options} />;
}

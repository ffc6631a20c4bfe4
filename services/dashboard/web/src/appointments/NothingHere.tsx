/** An empty list: what leads out of it depends on why it is empty. */
import { useNavigate } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { countOf, useCountsOfEach } from "../api/appointments";
import { useRight } from "../api/session";
import { useBusiness } from "../business";
import { numbers } from "../numbers";
import type { Day } from "../time";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Page";
import { type ListSearch, type Narrowing, narrowingsOf, queryOf } from "./filters";

const MOST = 3;

type Props = { search: ListSearch; today: Day; onSearch: (search: ListSearch) => void };

export function NothingHere({ search, today, onSearch }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const mayBook = useRight("book");
  const mayImport = useRight("write_imports");
  const narrowings = narrowingsOf(search);
  const fresh = mayBook && (
    <Button kind="primary" onPress={() => void navigate({ to: "/appointments/new", search: {} })}>
      {t("new.title")}
    </Button>
  );
  if (narrowings.some(({ name }) => name !== "period")) {
    return (
      <Empty title={t("list.nothingMatches")}>
        <Excluding narrowings={narrowings} today={today} onSearch={onSearch} />
        <Button onPress={() => onSearch({})}>{t("list.clear")}</Button>
      </Empty>
    );
  }
  if (narrowings.length) {
    return (
      <Empty title={t("calendar.nothing")}>
        {fresh}
        <Button onPress={() => onSearch({ period: "all" })}>{t("list.showAll")}</Button>
      </Empty>
    );
  }
  return (
    <Empty title={t("list.none")}>
      {fresh}
      {mayImport && <Button onPress={() => void navigate({ to: "/imports" })}>{t("nav.imports")}</Button>}
    </Empty>
  );
}

/** The filters without which most would be there, each to be left out. */
function Excluding({ narrowings, today, onSearch }: Pick<Props, "today" | "onSearch"> & { narrowings: readonly Narrowing[] }) {
  const { t, i18n } = useTranslation();
  const { clock } = useBusiness();
  const counts = useCountsOfEach(narrowings.map(({ without }) => queryOf(without, clock, today)));
  const worth = narrowings
    .flatMap((narrowing, index) => {
      const counted = counts[index];
      const number = counted ? countOf(counted, narrowing.without.status) : 0;
      return number > 0 ? [{ ...narrowing, number }] : [];
    })
    .sort((one, other) => other.number - one.number)
    .slice(0, MOST);
  if (!worth.length) return null;
  return (
    <p className="row excluding">
      {worth.map(({ name, without, number }) => (
        <Button key={name} onPress={() => onSearch(without)}>
          {t("list.without", { filter: nameOf(name, t), number: numbers(i18n.language).format(number) })}
        </Button>
      ))}
    </p>
  );
}

function nameOf(name: Narrowing["name"], t: TFunction): string {
  if (name === "q") return t("list.search");
  return name === "status" || name === "client" ? t(`field.${name}`) : t(`filter.${name}`);
}

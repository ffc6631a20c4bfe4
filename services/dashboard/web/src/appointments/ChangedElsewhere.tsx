import { useTranslation } from "react-i18next";
import { useHistory } from "../api/appointments";
import { useNames } from "../api/names";
import { useSession } from "../api/session";
import { Button } from "../ui/Button";
import { Who, idsOf } from "./HistoryTab";

type Props = { id: string; before: number; onLook: () => void; onClose: () => void };

/** Says that somebody else has changed what is open since the version `before`, who, and by what. */
export default function ChangedElsewhere({ id, before, onLook, onClose }: Props) {
  const { t } = useTranslation();
  const me = useSession().user.id;
  const history = useHistory(id).data;
  // In another window one is nobody else.
  const entries = history?.items.filter(({ version, actor }) => version > before && actor.id !== me) ?? [];
  const names = useNames(idsOf(entries));
  const newest = entries.at(-1);
  if (history && !newest) return null;
  // "Changed" is said above.
  const verbs = [...new Set(entries.map(({ verb }) => verb))].filter((verb) => verb !== "update");
  return (
    <div className="changed" role="status">
      <div>
        <b>{t("drawer.changed")}</b>
        {newest && (
          <small>
            {verbs.map((verb) => `${t(`verb.past.${verb.replaceAll("-", "_")}`, { defaultValue: verb })} · `)}
            <Who actor={newest.actor} names={names} />
          </small>
        )}
      </div>
      <Button kind="quiet" onPress={onLook}>
        {t("drawer.whatChanged")}
      </Button>
      <Button kind="quiet" icon="x" aria-label={t("close")} onPress={onClose} />
    </div>
  );
}

import { useTranslation } from "react-i18next";
import { Button } from "../ui/Button";
import { TextField } from "../ui/fields";
import { draftOf, useDraft } from "./drafts";

/** `begun`: what was there when the typing began. */
type Draft = { text: string; begun: string | null };
type Props = { draft: string; name: string; hint: string; value: string | null; editable: boolean; onSave: (text: string | null) => Promise<boolean> };

/** Text edited where it stands. What another desk writes meanwhile stands beside what is being typed, and does not replace it. */
export function Notes({ draft: key, name, hint, value, editable, onSave }: Props) {
  const { t } = useTranslation();
  const [draft, change] = useDraft<Draft>(key);
  if (!editable) return value ? (<><h3>{name}</h3><p className="notes"><bdi>{value}</bdi></p></>) : null;
  const typed = draft?.text.trim() || null;
  const save = async () => {
    // What was typed on while it was being saved stays.
    if ((await onSave(typed)) && draftOf(key) === draft) change(null);
  };
  return (
    <div className="notes-edit">
      <TextField label={name} value={draft?.text ?? value ?? ""} onChange={(text) => change({ text, begun: draft ? draft.begun : value })} lines={2} maxLength={10_000} hint={hint} />
      {draft && <Theirs begun={draft.begun} value={value} typed={typed} onTake={() => change(null)} />}
      {draft && draft.text !== (value ?? "") && (
        <div className="row">
          <Button kind="primary" onPress={() => void save()}>
            {t("save")}
          </Button>
          <Button onPress={() => change(null)}>{t("back")}</Button>
        </div>
      )}
    </div>
  );
}

/** What another desk has saved since the typing began. */
export function Theirs({ begun, value, typed, onTake }: { begun: string | null; value: string | null; typed: string | null; onTake: () => void }) {
  const { t } = useTranslation();
  if (value === begun || value === typed) return null;
  return (
    <div className="theirs" role="status">
      <small>{t("drawer.theirs")}</small>
      <p className="notes">
        <bdi>{value ?? "–"}</bdi>
      </p>
      <Button kind="quiet" onPress={onTake}>
        {t("drawer.takeTheirs")}
      </Button>
    </div>
  );
}

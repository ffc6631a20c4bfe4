import { useTranslation } from "react-i18next";
import { useHistory } from "../api/appointments";
import { sayOverride } from "./override";

/** The last rule that was set aside for it, and why. */
export default function OverrideNote({ id }: { id: string }) {
  const { t } = useTranslation();
  const override = useHistory(id).data?.items.findLast((entry) => entry.override)?.override;
  return override ? <p className="amber">{sayOverride(t, override)}</p> : null;
}

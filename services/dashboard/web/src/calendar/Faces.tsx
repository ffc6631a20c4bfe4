/** A phone shows one column of the day: whose, is chosen by their face. */
import { useTranslation } from "react-i18next";
import { Avatar } from "../ui/Pill";
import type { Column } from "./TimeGrid";

type Props = { columns: readonly Column[]; chosen: string; onChoose: (resourceId: string) => void };

export function Faces({ columns, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  return (
    <div className="people" role="group" aria-label={t("calendar.faces")}>
      {columns.map((column) => (
        <button type="button" key={column.id} aria-pressed={column.resourceId === chosen} aria-description={column.detail} onClick={() => onChoose(column.resourceId)}>
          <Avatar name={column.resourceName} />
          <span>
            <bdi>{column.resourceName}</bdi>
          </span>
        </button>
      ))}
    </div>
  );
}

/** Whoever was chosen, as long as they have a column; else oneself; else the first who has something to do. */
export function faceOf(columns: readonly Column[], wished: string | undefined, own: string | null): string | null {
  const has = (id: string | null | undefined) => columns.find((column) => column.resourceId === id);
  const first = has(wished) ?? has(own) ?? columns.find((column) => column.appointments.length > 0 || column.open.length > 0) ?? columns[0];
  return first?.resourceId ?? null;
}

/** Short words about what was done, with a way back where there is one. They are spoken by a live region. */
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";

export type Toast = { id: number; text: string; actions?: { name: string; run: () => void }[]; danger?: boolean };

const SHOWN = 8_000;
let next = 1;
let toasts: readonly Toast[] = [];
const listeners = new Set<() => void>();
const timers = new Map<number, number>();

function change(to: readonly Toast[]): void {
  toasts = to;
  for (const listener of listeners) listener();
}

export function closeToast(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  change(toasts.filter((toast) => toast.id !== id));
}

export function toast(text: string, more: Omit<Toast, "id" | "text"> = {}): void {
  const id = next++;
  change([...toasts.slice(-2), { id, text, ...more }]);
  wait(id);
}

function wait(id: number): void {
  timers.set(id, window.setTimeout(() => closeToast(id), SHOWN));
}

export function Toasts() {
  const { t } = useTranslation();
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite" data-react-aria-top-layer="true">
      {shown.map((item) => (
        <div
          key={item.id}
          className={item.danger ? "toast danger" : "toast"}
          onFocus={() => clearTimeout(timers.get(item.id))}
          onBlur={() => wait(item.id)}
          onMouseEnter={() => clearTimeout(timers.get(item.id))}
          onMouseLeave={() => wait(item.id)}
        >
          <span>{item.text}</span>
          {item.actions?.map((action) => (
            <Button
              key={action.name}
              kind="quiet"
              onPress={() => {
                closeToast(item.id);
                action.run();
              }}
            >
              {action.name}
            </Button>
          ))}
          <Button kind="quiet" icon="x" aria-label={t("close")} onPress={() => closeToast(item.id)} />
        </div>
      ))}
    </div>
  );
}

/** A refusal in the reader's words: one sentence per code, the service's own where there is none. */
import type { TFunction } from "i18next";
import { Suspense, lazy } from "react";
import { useTranslation } from "react-i18next";
import { ProblemError, type Reason, UnreachableError } from "../api/client";
import { idsInTheWay, reasonsOf } from "../api/inTheWay";
import { Button } from "./Button";
import { Icon } from "./Icon";

/* Of a file of its own: most times are free. */
const InTheWay = lazy(() => import("../appointments/InTheWay"));

/** Within a sentence. Some name what is in the way: rows, columns, words of a file. */
export const nameReason = (t: TFunction, reason: Reason): string => t(`code.${reason.code}`, { defaultValue: reason.detail || reason.code, names: reason.conflicts_with?.slice(0, MOST_NAMES).join(", ") });

const MOST_NAMES = 10;

/** What stands within a sentence elsewhere ("Not sent: no address") as one of its own. */
const sentence = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1) + (/[.!?؟…:]$/.test(text) ? "" : ".");

export const sayReason = (t: TFunction, reason: Reason): string => sentence(nameReason(t, reason));

export function sayError(t: TFunction, error: unknown): string {
  if (error instanceof UnreachableError) return t("error.unreachable");
  if (!(error instanceof ProblemError)) return t("error.unexpected");
  const { problem } = error;
  if (problem.reasons?.length) return problem.reasons.map((reason) => sayReason(t, reason)).join(" ");
  return sentence(t(`code.${problem.code}`, { defaultValue: problem.errors?.length ? t("error.wrongFields") : problem.detail || t("error.unexpected") }));
}

/** As the form calls it, where it has a name there; a place in a list is left out. */
export function nameOfField(t: TFunction, pointer: string): string {
  const name = pointer.split("/").filter((part) => part && !/^\d+$/.test(part)).at(-1) ?? "";
  const own = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return t([`field.${own}`, `services.field.${name}`], { defaultValue: name });
}

/** What a service says of a field itself is English: its code is said, as it goes on after the field's name. */
export const sayField = (t: TFunction, code: string): string => t([`error.field_${code}`, "error.field_malformed"]);

/** Whose appointments the reasons name, where they name some. */
export function NamedBy({ reasons }: { reasons: readonly Reason[] }) {
  const ids = idsInTheWay(reasons);
  if (ids.length === 0) return null;
  return (
    <Suspense fallback={null}>
      <InTheWay ids={ids} />
    </Suspense>
  );
}

type Props = {
  error: unknown;
  /** What it means here, before the reason. */
  lead?: string;
  /** Where it can be tried again from here. */
  onRetry?: () => void;
};

export function Problem({ error, lead, onRetry }: Props) {
  const { t } = useTranslation();
  if (!error) return null;
  const trace = error instanceof ProblemError ? error.problem.trace_id : null;
  const fields = error instanceof ProblemError ? (error.problem.errors ?? []) : [];
  return (
    <div className="problem" role="alert">
      <Icon name="warn" />
      <div>
        <p>
          {lead && `${lead} `}
          {sayError(t, error)}
        </p>
        <NamedBy reasons={reasonsOf(error)} />
        {fields.length > 0 && (
          <ul>
            {fields.map((field) => (
              <li key={`${field.pointer}${field.code}`}>
                <bdi>{nameOfField(t, field.pointer)}</bdi> {sayField(t, field.code)}
              </li>
            ))}
          </ul>
        )}
        {trace && (
          <details>
            <summary>{t("error.details")}</summary>
            <code>{trace}</code>
          </details>
        )}
        {onRetry && <Button onPress={onRetry}>{t("error.retry")}</Button>}
      </div>
    </div>
  );
}

/** Asked where a card was dropped: whether to move it, and whether the client is told. Nothing is done until then. */
import { useState } from "react";
import { Dialog, Heading, Popover } from "react-aria-components";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { type Clock, MINUTE, dayOf, instantOf } from "../time";
import { Button } from "../ui/Button";
import { Checkbox } from "../ui/fields";
import { Icon } from "../ui/Icon";
import type { Target } from "./TimeGrid";

/** `remember`: from now on the same is done without asking. */
export type Answer = { notify: boolean; override: boolean; remember: boolean };

type Props = {
  target: Target;
  /** What is in the way there, as far as it is known. */
  reasons: readonly string[];
  clock: Clock;
  anchor: React.RefObject<Element | null>;
  mayOverride: boolean;
  /** Null: put back. */
  onAnswer: (answer: Answer | null) => void;
};

export function MoveQuestion({ target, reasons, clock, anchor, mayOverride, onAnswer }: Props) {
  const { t } = useTranslation();
  const { client, notify_client } = target.appointment;
  const [notify, setNotify] = useState(notify_client);
  const [remember, setRemember] = useState(false);
  const answer = (override: boolean) => onAnswer({ notify, override, remember });
  const wants = target.override && mayOverride;
  const offers = wants || (mayOverride && reasons.length > 0);
  return (
    <Popover className="popover move-question" triggerRef={anchor} isOpen onOpenChange={(open) => !open && onAnswer(null)} placement="bottom start" offset={10}>
      <Dialog className="stack">
        <div>
          <Heading slot="title">{titleOf(target, clock, t)}</Heading>
          <p className="soft">
            <bdi>{client.name}</bdi> · <bdi>{target.appointment.service_name}</bdi>
          </p>
        </div>
        {reasons.length > 0 && (
          <ul className="reasons">
            {reasons.map((reason) => (
              <li key={reason}>
                <Icon name="warn" />
                {reason}
              </li>
            ))}
          </ul>
        )}
        <Checkbox value={notify} onChange={setNotify}>
          <span>{t(client.email ? "calendar.tellByMail" : "calendar.tell", { name: client.name })}</span>
        </Checkbox>
        <Checkbox value={remember} onChange={setRemember}>
          {t("calendar.askNoMore")}
        </Checkbox>
        <div className="row">
          <Button onPress={() => onAnswer(null)}>{t("calendar.putItBack")}</Button>
          <span className="fill" />
          {offers && (
            <Button kind="danger" autoFocus={wants} onPress={() => answer(true)}>
              {t("calendar.overrideAction")}…
            </Button>
          )}
          {!wants && (
            <Button kind="primary" autoFocus onPress={() => answer(false)}>
              {t("calendar.moveIt")}
            </Button>
          )}
        </div>
      </Dialog>
    </Popover>
  );
}

/** "Move to 14:00, C. Conti"; of what only becomes longer or shorter from when to when; with its date where that is another. */
function titleOf({ appointment, start, minutes, resourceName }: Target, clock: Clock, t: TFunction): string {
  const before = instantOf(appointment.starts_at);
  if (start === before) return t("calendar.resizeTo", { time: clock.range(start, start + minutes * MINUTE), who: resourceName });
  const time = dayOf(start, clock.zone) === dayOf(before, clock.zone) ? clock.time(start) : clock.dayAndTime(start);
  return t("calendar.moveTo", { time, who: resourceName });
}

import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useAttention } from "../api/attention";
import { numbers } from "../numbers";
import { Icon } from "../ui/Icon";

/** Beside the tabs: what does not work by itself, and where that is seen to. Nothing where all is well. */
export function Attention() {
  const { t, i18n } = useTranslation();
  const { calendars, reminders } = useAttention();
  if (!calendars && !reminders) return null;
  // On a phone the number stands for all of it.
  const said = (text: string, count: number) => (
    <>
      <span className="hide-s">
        <bdi>{text}</bdi>
      </span>
      <span className="only-s" aria-hidden="true">
        {numbers(i18n.language).format(count)}
      </span>
    </>
  );
  const broken = t("attention.calendars", { count: calendars });
  const undelivered = t("attention.reminders", { count: reminders });
  return (
    <span className="alert" role="group" aria-label={t("attention.title")}>
      {calendars > 0 && (
        <Link to="/calendars" aria-label={broken} title={broken}>
          <Icon name="warn" />
          {said(broken, calendars)}
        </Link>
      )}
      {reminders > 0 && (
        <Link to="/messages" search={{ state: "undelivered" }} aria-label={undelivered} title={undelivered} className="pend">
          <Icon name="mail" />
          {said(undelivered, reminders)}
        </Link>
      )}
    </span>
  );
}

"""The texts of the mails of sign-in. Their links use the configured address, never a request's Host."""

from dataclasses import dataclass
from datetime import timedelta

from dashboard.adapters.localization import Texts
from dashboard.adapters.pages import render
from dashboard.domain.links import MailKind, Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContent:
    subject: str
    text: str
    html: str


def invitation_mail(prepared: Prepared, *, base_url: str, lifetime: timedelta) -> MailContent:
    texts = Texts(prepared.locale)
    name = " ".join(prepared.organization_name.split())
    return _content(
        texts,
        subject=texts("mails.invitation.subject", organization=name)
        if name
        else texts("mails.invitation.subject_unnamed"),
        paragraphs=[texts("mails.invitation.text")],
        link=f"{base_url}/invitation/{prepared.secret}?lang={texts.locale}",
        button=texts("mails.invitation.button"),
        small=[texts("mails.invitation.validity", days=lifetime.days), texts("mails.ignore")],
    )


def reset_mail(prepared: Prepared, *, base_url: str, lifetime: timedelta) -> MailContent:
    texts = Texts(prepared.locale)
    minutes = int(lifetime.total_seconds() // 60)
    return _content(
        texts,
        subject=texts("mails.reset.subject"),
        paragraphs=[texts("mails.reset.text")],
        link=f"{base_url}/reset/{prepared.secret}?lang={texts.locale}",
        button=texts("mails.reset.button"),
        small=[texts("mails.reset.validity", minutes=minutes), texts("mails.ignore")],
    )


def notice_mail(prepared: Prepared, *, kind: MailKind, base_url: str) -> MailContent:
    """A password was changed, a passkey was added or removed."""
    texts = Texts(prepared.locale)
    return _content(
        texts,
        subject=texts(f"mails.{kind}.subject"),
        paragraphs=[texts(f"mails.{kind}.text"), texts(f"mails.{kind}.not_you")],
        link=f"{base_url}/reset?lang={texts.locale}",
        button=texts("mails.reset.button"),
        small=[],
    )


def code_mail(prepared: Prepared, *, lifetime: timedelta) -> MailContent:
    """The code with which a visitor of a public page shows that the address is theirs."""
    texts = Texts(prepared.locale)
    name = " ".join(prepared.organization_name.split())
    minutes = int(lifetime.total_seconds() // 60)
    return _content(
        texts,
        subject=texts("mails.booking_code.subject", code=prepared.secret, business=name),
        paragraphs=[texts("mails.booking_code.text", business=name), str(prepared.secret)],
        link="",
        button="",
        small=[texts("mails.booking_code.validity", minutes=minutes), texts("mails.ignore")],
    )


def _content(
    texts: Texts, *, subject: str, paragraphs: list[str], link: str, button: str, small: list[str]
) -> MailContent:
    values = {"subject": subject, "paragraphs": paragraphs, "link": link, "button": button, "small": small}
    return MailContent(
        subject=subject,
        text=render("mail.txt", texts=texts, **values),
        html=render("mail.html", texts=texts, **values),
    )

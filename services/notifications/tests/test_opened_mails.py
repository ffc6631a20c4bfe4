"""Our mails, opened by a parser that shares no code with what writes them, and their .ics by vobject."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import vobject
from fast_mail_parser import PyMail, PyMimePart, parse_email, parse_email_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.adapters.email import Invitation, Party
from notifications.adapters.email.ics import Method
from notifications.adapters.email.mime import Mail, write_mail
from notifications.adapters.templates import BUILT_IN_LOCALES, DEFAULTS, built_in, render_text, sample_values
from notifications.adapters.templates.values import SAMPLE_APPOINTMENT
from notifications.domain.templates import Text

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LONGEST_LINE = 998
"""In octets, without CRLF (RFC 5322, 2.1.1)."""
NAMES = (
    "Zoë Müller-Łuć",
    "山田 太郎",
    "مريم الخطيب",
    "Jo 💇🏽‍♀️",
    'Dr. "Jo" O\'Neil, MSc; <jo@evil.test>',
    "back\\slash (and a comment)",
    "Ü" * 100,
    "a long name of many words that has to be folded over several lines because it does not end here " * 2,
)


@dataclass(frozen=True)
class Opened:
    mail: PyMail
    tree: PyMimePart

    def parts(self) -> list[PyMimePart]:
        """Those that hold something, in their order."""
        waiting, found = [self.tree], []
        while waiting:
            part = waiting.pop(0)
            waiting[:0] = part.children
            found += [] if part.children else [part]
        return found


def opened(text: Text, *, name: str = "Grace Hopper", language: str = "en", method: Method | None = None) -> Opened:
    invitation = method and Invitation(
        method=method,
        appointment=SAMPLE_APPOINTMENT,
        organizer=Party(name, "no-reply@mail.example"),
        attendee=Party(name, "grace@example.com"),
        summary=f"Haircut, {name}",
        description=text.text,
        location="Hauptstraße 1",
        sequence=3,
    )
    mail = Mail(
        sender="no-reply@mail.example",
        sender_name=name,
        recipient="grace@example.com",
        recipient_name=name,
        reply_to="hello@salon.example",
        message_id="<created.1.2.3@mail.example>",
        text=text,
        language=language,
        invitation=invitation or None,
    )
    content = write_mail(mail, now=NOW)
    assert content.isascii(), "announced as BODY=7BIT"
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= LONGEST_LINE
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    # Strict: it raises where it had to guess.
    return Opened(parse_email(content, strict=True), parse_email_tree(content))


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def lines_of(content: Any) -> list[str]:
    return str(content if isinstance(content, str) else content.decode()).strip().replace("\r\n", "\n").split("\n")


@pytest.mark.parametrize("language", BUILT_IN_LOCALES)
def test_every_mail_is_opened_as_it_was_written_in_every_language(language: str) -> None:
    for kind, audience in DEFAULTS:
        source = built_in(kind, audience, language)
        assert source is not None
        text = render_text(source, sample_values(language))
        shown = opened(text, language=language, method="REQUEST")

        assert in_one_line(shown.mail.subject) == text.subject, kind
        [plain], [page] = shown.mail.text_plain, shown.mail.text_html
        assert [line.lstrip("\u200f") for line in lines_of(plain)] == lines_of(text.text), kind
        assert f'<html lang="{language}"' in page
        for line in filter(None, lines_of(text.text)):
            assert line.split()[0] in page


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_as_they_are_written_and_are_no_second_address(name: str) -> None:
    mail = opened(Text(subject=in_one_line(f"Your appointment: {name}"), text="x"), name=name).mail

    assert in_one_line(mail.subject) == in_one_line(f"Your appointment: {name}")
    assert mail.from_ is not None
    for [who], address in (([mail.from_], "no-reply@mail.example"), (mail.to, "grace@example.com")):
        assert (who.display_name, who.address) == (name[:100].strip(), address)
    assert [who.address for who in mail.reply_to] == ["hello@salon.example"]
    assert mail.date_parsed == NOW
    assert mail.headers["Message-ID"] == ["<created.1.2.3@mail.example>"]


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
def test_the_invitation_is_a_part_with_its_method_and_a_file_and_means_the_same_to_another_calendar(
    method: Method,
) -> None:
    shown = opened(Text(subject="s", text="Zoë"), method=method)

    assert shown.tree.content_type == "multipart/mixed"
    assert [part.content_type for part in shown.tree.children] == ["multipart/alternative", "application/ics"]
    plain, page, calendar, file = shown.parts()
    assert [part.content_type for part in (plain, page, calendar)] == ["text/plain", "text/html", "text/calendar"]
    [content_type] = calendar.headers["Content-Type"]
    assert re.search(rf';\s*method="?{method}"?\s*(;|$)', content_type)
    assert (file.filename, file.disposition) == ("invite.ics", "attachment")
    assert file.content is not None
    assert lines_of(file.content) == lines_of(calendar.content)
    read = vobject.readOne(file.content.decode())
    assert (read.method.value, read.vevent.uid.value) == (method, SAMPLE_APPOINTMENT.calendar_uid)
    assert read.vevent.dtstart.value == SAMPLE_APPOINTMENT.starts_at
    assert read.vevent.attendee.value == "mailto:grace@example.com"
    assert read.vevent.sequence.value == "3"


def test_a_mail_without_news_for_a_calendar_has_two_parts_and_no_file() -> None:
    shown = opened(Text(subject="s", text="x"))
    assert [part.content_type for part in shown.parts()] == ["text/plain", "text/html"]
    assert shown.mail.attachments == []


PRINTABLE = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=200)


@settings(max_examples=100, deadline=None)
@given(subject=PRINTABLE, name=PRINTABLE, text=st.lists(PRINTABLE, min_size=1, max_size=5), repeated=st.integers(1, 30))
def test_whatever_is_written_is_opened_as_it_was_written(
    subject: str, name: str, text: list[str], repeated: int
) -> None:
    """Of spaces only that there are some: where a header is folded they are not told apart."""
    written = Text(subject=in_one_line(subject) or "s", text="\n".join(line * repeated for line in text))
    shown = opened(written, name=name, method="REQUEST").mail

    assert in_one_line(shown.subject) == written.subject
    assert shown.from_ is not None
    assert in_one_line(shown.from_.display_name or "") == in_one_line(name[:100])
    assert shown.from_.address == "no-reply@mail.example"
    [plain] = shown.text_plain
    assert lines_of(plain) == lines_of(written.text)

"""Mails that come to us (RFC 5322), read within bounds: whose they are, whether a person sent them, what they say.

The parser is Python's with its older policy, which leaves headers alone: the newer one takes long over hostile ones. Of
a long mail the beginning is read, where texts and calendars stand; nothing is unpacked.
"""

import hashlib
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import Final

from notifications.adapters.email.inbound_calendar import MOST_BYTES as MOST_CALENDAR_BYTES
from notifications.adapters.email.inbound_calendar import read_replies
from notifications.adapters.email.mime import is_own_message_id
from notifications.adapters.email.reply_addresses import ReplyAddresses
from notifications.domain.answers import kept_text
from notifications.domain.mail_replies import CalendarReply, InboundMail, ReplyToken

MOST_READ: Final = 524_288
_MOST_NESTED: Final = 100
_MOST_HEADERS: Final = 500
_LONGEST_HEADER: Final = 8_192
_LONGEST_SENDER: Final = 500
_MOST_TEXT: Final = 65_536
_MOST_TOKENS: Final = 5
_LONGEST_MESSAGE_ID: Final = 998
_MOST_PAGE: Final = 32_768
_LONGEST_STRUCTURE: Final = 4_096
_NESTED: Final = re.compile(rb"multipart/|message/", re.IGNORECASE)
_STRUCTURE: Final = re.compile(
    rb"(?:\A|[\r\n])content-(?:type|disposition):(?:[^\r\n]|(?:\r\n|\r|\n)[ \t])*", re.IGNORECASE
)
"""Headers whose parameters the parser takes apart, in a time that grows with the square of their length."""
_SLOW_CHARSETS: Final = frozenset({"idna", "punycode"})
_RECIPIENTS: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Forwarded-To", "To", "Cc", "Resent-To")
_BULK: Final = frozenset({"bulk", "list", "junk", "auto_reply"})
_AUTOMATIC_HEADERS: Final = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "List-Id", "List-Unsubscribe")


class MailUnreadableError(Exception):
    """Nested too deep, or with too many headers: no mail of a person's."""


def read_mail(raw: bytes, *, addresses: ReplyAddresses, own_domain: str, recipient: str = "") -> InboundMail:
    """The mail; `recipient` is the envelope's, where it is known. Raises MailUnreadableError."""
    message = _parsed(raw[:MOST_READ])
    replies, text = _calendar(message), _text(message)
    message_id = _message_id(message, raw)
    return InboundMail(
        message_id=message_id,
        sender=_sender(message),
        tokens=_tokens(message, addresses, recipient),
        is_automatic=_is_automatic(message, answers=replies is not None)
        or is_own_message_id(message_id, domain=own_domain),
        text=text,
        replies=replies,
    )


def _parsed(raw: bytes) -> Message:
    is_long = any(len(match[0]) > _LONGEST_STRUCTURE for match in _STRUCTURE.finditer(raw))
    if is_long or len(_NESTED.findall(raw)) > _MOST_NESTED:
        raise MailUnreadableError("the mail is nested too deep")
    try:
        message = message_from_bytes(raw, policy=compat32)
    except (RecursionError, ValueError, LookupError) as error:
        raise MailUnreadableError("the mail cannot be read") from error
    if len(message.keys()) > _MOST_HEADERS:
        raise MailUnreadableError("the mail has too many headers")
    return message


def _header(message: Message, name: str) -> str:
    """The first of that name, without what no header may hold."""
    value = message.get(name)
    return "" if value is None else _plain(str(value))


def _plain(value: str) -> str:
    return "".join(character for character in value[:_LONGEST_HEADER] if character.isprintable()).strip()


def _message_id(message: Message, raw: bytes) -> str:
    """A mail without one is known by all that it says."""
    given = _header(message, "Message-ID")[:_LONGEST_MESSAGE_ID]
    return given or hashlib.sha256(raw).hexdigest()


def _sender(message: Message) -> str | None:
    try:
        address = parseaddr(_header(message, "From")[:_LONGEST_SENDER])[1]
    except RecursionError:
        return None
    return address[:254] if "@" in address else None


def _tokens(message: Message, addresses: ReplyAddresses, recipient: str) -> list[ReplyToken]:
    headers = [_plain(str(value)) for name in _RECIPIENTS for value in message.get_all(name, [])[:10]]
    tokens = [token for text in (recipient[:_LONGEST_HEADER], *headers) for token in addresses.tokens_in(text)]
    return list(dict.fromkeys(tokens))[:_MOST_TOKENS]


def _is_automatic(message: Message, *, answers: bool) -> bool:
    """Holiday notices, bounces and lists (RFC 3834 §2, §5).

    Calendars send a person's answer as `auto-generated`: that one counts. What answers by itself does not.
    """
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    is_bounce = message.get("Return-Path") is not None and _header(message, "Return-Path") in ("", "<>")
    if is_bounce or message.get_content_type() == "multipart/report" or submitted.startswith("auto-replied"):
        return True
    if answers:
        return False
    is_bulk = _header(message, "Precedence").lower() in _BULK
    return submitted not in ("", "no") or is_bulk or any(message.get(name) is not None for name in _AUTOMATIC_HEADERS)


def _parts(message: Message) -> Iterator[Message]:
    return (part for part in message.walk() if not part.is_multipart())


def _calendar(message: Message) -> list[CalendarReply] | None:
    """The first that is an answer; mails have it twice, as a part and as a file."""
    for part in _parts(message):
        name = str(part.get_filename() or "").lower()
        if part.get_content_type() in ("text/calendar", "application/ics") or name.endswith(".ics"):
            content = _decoded(part, most=MOST_CALENDAR_BYTES + 1)
            replies = read_replies(content)
            if replies is not None:
                return list(replies)
    return None


def _text(message: Message) -> str:
    """What was written above what is quoted, of the plain part, else of the page."""
    for kind in ("text/plain", "text/html"):
        for part in _parts(message):
            if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
                if kind == "text/html":
                    return kept_text(_words_of(_decoded(part, most=_MOST_PAGE)))
                return kept_text(_unquoted(_decoded(part, most=_MOST_TEXT)))
    return ""


def _decoded(part: Message, *, most: int) -> str:
    """A charset that is none, or another than what was written in, makes signs that are none: no failure."""
    payload = part.get_payload(decode=True)
    content = payload[:most] if isinstance(payload, bytes) else b""
    charset = part.get_content_charset("utf-8")
    try:
        return content.decode("utf-8" if charset in _SLOW_CHARSETS else charset, errors="replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", errors="replace")


def _unquoted(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(">"))


class _Words(HTMLParser):
    """The words of a page, without scripts, styles and what is quoted."""

    _LEFT_OUT: Final = frozenset({"script", "style", "head", "blockquote", "title"})
    _BREAKS: Final = frozenset({"br", "p", "div", "tr", "li"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._left_out = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._left_out += tag in self._LEFT_OUT
        if tag in self._BREAKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._left_out = max(0, self._left_out - (tag in self._LEFT_OUT))

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self.words.append(data)


def _words_of(page: str) -> str:
    words = _Words()
    words.feed(page)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.words).split("\n"))
    return "\n".join(line for line in lines if line)

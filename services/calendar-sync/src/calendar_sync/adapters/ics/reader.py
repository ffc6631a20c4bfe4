"""Reads an ICS address: conditional GET through the guard, expansion in a child process."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime

from calendar_sync.adapters.ics.process import ExpansionProcess
from calendar_sync.domain import Reading, ReadingFailedError, Unchanged, Window
from slotstream_servicekit.http.guarded import GuardedAnswer, GuardedHttp, GuardedHttpError

READER_REVISION = 3
"""Raise it when the same text is understood otherwise than before, so that unchanged calendars are read again."""
MAX_VALIDATOR_LENGTH = 512
MAX_RETRY_AFTER = timedelta(days=1)

_CODES = {401: "unauthorized", 403: "unauthorized", 404: "not_found", 410: "not_found", 429: "rate_limited"}
_CONDITIONS = {"etag": "if-none-match", "last-modified": "if-modified-since"}


@dataclass(frozen=True, slots=True)
class IcsReader:
    """The CalendarReader of kind `ics`. Its secret is the address; its cursor the answer's validators."""

    http: GuardedHttp
    expander: ExpansionProcess

    async def read(self, *, secret: str, cursor: Mapping[str, str], zone: str, window: Window) -> Reading | Unchanged:
        conditions = {_CONDITIONS[name]: value for name, value in cursor.items() if name in _CONDITIONS}
        try:
            answer = await self.http.get(secret, {"accept": "text/calendar, */*;q=0.1", **conditions})
        except GuardedHttpError as error:
            raise ReadingFailedError(error.code, error.detail) from error
        if answer.status == 304:
            return Unchanged()
        if answer.status != 200:
            raise _failure_of(answer)
        charset = _charset_of(answer)
        digest = _digest_of(answer.body, zone, charset)
        if cursor.get("digest") == digest:
            return Unchanged()
        expansion = await self.expander.expand(answer.body, zone=zone, window=window, charset=charset)
        return Reading(expansion=expansion, cursor={**_validators_of(answer), "digest": digest})


def _digest_of(body: bytes, zone: str, charset: str | None) -> str:
    return hashlib.sha256(f"{READER_REVISION} {zone} {charset}\n".encode() + body).hexdigest()


def _charset_of(answer: GuardedAnswer) -> str | None:
    """Of `Content-Type: text/calendar; charset=…`; None where the server says none."""
    header = Message()
    header["content-type"] = answer.headers.get("content-type", "")
    charset = header.get_param("charset")
    return charset if isinstance(charset, str) and charset else None


def _validators_of(answer: GuardedAnswer) -> dict[str, str]:
    validators = {name: answer.headers.get(name, "") for name in _CONDITIONS}
    return {name: value for name, value in validators.items() if 0 < len(value) <= MAX_VALIDATOR_LENGTH}


def _failure_of(answer: GuardedAnswer) -> ReadingFailedError:
    code = _CODES.get(answer.status, "server_error" if answer.status >= 500 else "refused")
    detail = f"the calendar's server answered {answer.status}"
    return ReadingFailedError(code, detail, retry_after=_retry_after(answer))


def _retry_after(answer: GuardedAnswer) -> timedelta | None:
    """RFC 9110 §10.2.3: seconds or a date; bounded, since a stranger chose it."""
    value = answer.headers.get("retry-after", "")
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), MAX_RETRY_AFTER)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(aware - datetime.now(UTC), timedelta()), MAX_RETRY_AFTER)

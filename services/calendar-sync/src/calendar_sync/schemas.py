"""The shapes that calendar-sync takes and gives over HTTP."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from calendar_sync.domain import ConnectionState, FeedTitle, PauseReason
from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel, ShortText

_SCHEMES = {"http": "http", "https": "https", "webcal": "https", "webcals": "https"}


def _calendar_url(value: str) -> str:
    """An absolute http(s) address; `webcal:` is https by another name."""
    if any(character <= " " or character == "\x7f" for character in value):
        raise PydanticCustomError("invalid_url", "An address holds no blanks or control characters")
    try:
        parts = urlsplit(value)
        scheme, host, _ = _SCHEMES.get(parts.scheme.lower()), parts.hostname, parts.port
    except ValueError:
        scheme, host = None, None
    if scheme is None or not host:
        raise PydanticCustomError("invalid_url", "An address begins with https://, http:// or webcal://")
    return parts._replace(scheme=scheme, fragment="").geturl()


CalendarUrl = Annotated[
    str,
    StringConstraints(min_length=8, max_length=2_048),
    AfterValidator(_calendar_url),
    Field(examples=["https://calendar.example.com/private-3f9a/basic.ics"]),
]


class ConnectCalendarIn(RequestModel):
    """A read-only ICS feed whose events take the resource's time."""

    id: UUID | None = None
    kind: Literal["ics"]
    resource_id: UUID
    url: CalendarUrl
    name: ShortText | None = None


class ChangeConnectionIn(RequestModel):
    """`accept_deletions` resumes a connection that paused itself because much of its calendar was gone."""

    name: ShortText | None = None
    paused: bool | None = None
    accept_deletions: bool = False

    @model_validator(mode="after")
    def _deletions_are_accepted_on_resuming(self) -> Self:
        if self.accept_deletions and self.paused is not False:
            raise PydanticCustomError("accept_without_resume", 'accept_deletions goes with "paused": false')
        return self


class ConnectionErrorOut(ResponseModel):
    """Why the last reading failed."""

    code: str = Field(examples=["unreachable"])
    detail: str


class ReadingWarningOut(ResponseModel):
    """`line` counts from 1 in the calendar's text; `uid` is the event's, shortened."""

    code: str = Field(examples=["unreadable_event"])
    line: int
    uid: str


class ConnectionOut(ResponseModel):
    id: UUID
    kind: Literal["ics"]
    resource_id: UUID
    name: str
    url: str = Field(examples=["https://calendar.example.com/…"])
    """The address without its path, which may be a secret."""
    state: ConnectionState
    pause_reason: PauseReason | None
    last_error: ConnectionErrorOut | None
    warnings: dict[str, int]
    """What was read with doubt, mended or lost at the last full reading, counted by code."""
    warning_examples: list[ReadingWarningOut]
    """The first of each code."""
    busy_instances: int
    last_success_at: InstantOut | None
    last_attempt_at: InstantOut | None
    next_attempt_at: InstantOut | None
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class IssueFeedIn(RequestModel):
    """`title` decides what appointments are called: by their service, or just "Busy"."""

    id: UUID | None = None
    resource_id: UUID
    name: ShortText = "Appointments"
    title: FeedTitle = FeedTitle.SERVICE


class FeedOut(ResponseModel):
    id: UUID
    resource_id: UUID
    name: str
    title: FeedTitle
    rotation: int
    created_at: InstantOut
    updated_at: InstantOut
    version: int


class IssuedFeedOut(FeedOut):
    url: str = Field(examples=["https://sync.example.com/feeds/kq3…sE.ics"])
    """The secret address. It is shown in this answer only."""

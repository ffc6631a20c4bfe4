"""Errors state a fact, and have a stable code and a kind. One table gives the HTTP status of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """The kind of an error. HTTP and consumers decide by it how to react."""

    invalid = "invalid"
    unauthenticated = "unauthenticated"
    forbidden = "forbidden"
    not_found = "not_found"
    conflict = "conflict"
    precondition_failed = "precondition_failed"
    too_large = "too_large"
    unsupported_media_type = "unsupported_media_type"
    rate_limited = "rate_limited"
    transient = "transient"


STATUS_BY_KIND: Mapping[ErrorKind, int] = {
    ErrorKind.invalid: 422,
    ErrorKind.unauthenticated: 401,
    ErrorKind.forbidden: 403,
    ErrorKind.not_found: 404,
    ErrorKind.conflict: 409,
    ErrorKind.precondition_failed: 412,
    ErrorKind.too_large: 413,
    ErrorKind.unsupported_media_type: 415,
    ErrorKind.rate_limited: 429,
    ErrorKind.transient: 503,
}

RETRYABLE_KINDS: frozenset[ErrorKind] = frozenset({ErrorKind.transient, ErrorKind.rate_limited})
"""Kinds of errors after which a consumer tries a record again. After any other it is set aside."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a refusal. `conflicts_with`: the ids of what is in the way."""

    code: str
    detail: str
    conflicts_with: tuple[str, ...] = ()


def as_sentence(detail: str) -> str:
    """`detail` with a full stop, so that another sentence can follow it."""
    return detail if detail.endswith((".", "!", "?")) else f"{detail}."


class SlotstreamError(Exception):
    """Base of all errors. Subclasses set `code` and `kind` as class attributes.

    `extra`: further members of the problem document (RFC 9457 §3.2).
    """

    code: str = "error"
    kind: ClassVar[ErrorKind] = ErrorKind.invalid

    def __init__(
        self,
        detail: str = "",
        *,
        reasons: tuple[Reason, ...] = (),
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reasons = reasons
        self.extra: Mapping[str, object] = extra or {}


class TemplateRefusedError(SlotstreamError):
    """A template that does not parse, uses what is not allowed, or names an unknown variable."""

    code = "template_refused"
    kind = ErrorKind.invalid


class NotFoundError(SlotstreamError):
    code = "not_found"
    kind = ErrorKind.not_found


class ForbiddenError(SlotstreamError):
    code = "forbidden"
    kind = ErrorKind.forbidden


class VersionConflictError(SlotstreamError):
    """The caller's `If-Match` (or a command's expected version) is not the current version."""

    code = "version_conflict"
    kind = ErrorKind.precondition_failed

    def __init__(self, current: int) -> None:
        super().__init__(
            f"The current version is {current}: read it again, then repeat the change.",
            extra={"current_version": current},
        )
        self.current = current


class RefusedError(SlotstreamError):
    """Refused by rules, or by what is in the way. It has all reasons, and the code of the first."""

    code = "refused"
    kind = ErrorKind.conflict

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__(" ".join(as_sentence(reason.detail) for reason in reasons), reasons=reasons)
        if reasons:
            self.code = reasons[0].code


class TransientError(SlotstreamError):
    """The same request may succeed later."""

    code = "try_again"
    kind = ErrorKind.transient


class DatabaseUnavailableError(TransientError):
    code = "database_unavailable"

    def __init__(self, detail: str = "The database does not answer right now; nothing was changed.") -> None:
        super().__init__(detail)


class StartError(Exception):
    """The process cannot start. The text says what to change, and the exit code what kind of problem it is."""

    exit_code: int = 2
    """2: settings. `runtime.run` lists all codes."""

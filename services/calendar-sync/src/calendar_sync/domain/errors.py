"""What can go wrong, with codes that callers see."""

from datetime import timedelta

from slotstream_servicekit.errors import ErrorKind, SlotstreamError


class UnknownResourceError(SlotstreamError):
    code = "resource_not_found"
    kind = ErrorKind.not_found


class ConnectionNotFoundError(SlotstreamError):
    code = "connection_not_found"
    kind = ErrorKind.not_found


class FeedNotFoundError(SlotstreamError):
    code = "feed_not_found"
    kind = ErrorKind.not_found


class IdTakenError(SlotstreamError):
    """The id that a caller chose is in use, be it in another organization."""

    code = "id_taken"
    kind = ErrorKind.conflict


class TooManyConnectionsError(SlotstreamError):
    code = "too_many_connections"
    kind = ErrorKind.conflict


class TooManyFeedsError(SlotstreamError):
    code = "too_many_feeds"
    kind = ErrorKind.conflict


class ConnectionPausedError(SlotstreamError):
    code = "connection_paused"
    kind = ErrorKind.conflict


class ReadingFailedError(Exception):
    """An external calendar could not be read. `code` is stable and shown; `detail` holds no secret."""

    def __init__(self, code: str, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

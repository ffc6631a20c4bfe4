"""What can be refused here, each with its stable code."""

from slotstream_servicekit.errors import ErrorKind, NotFoundError, SlotstreamError


class UnknownOwnerError(NotFoundError):
    """A business, resource or service that this organization does not have, or not yet."""


class OverrideExistsError(SlotstreamError):
    code = "date_override_exists"
    kind = ErrorKind.conflict


class IdTakenError(SlotstreamError):
    code = "id_taken"
    kind = ErrorKind.conflict


class TooManyEntriesError(SlotstreamError):
    code = "too_many_entries"
    kind = ErrorKind.conflict


class UnknownCountryError(SlotstreamError):
    code = "unknown_country"
    kind = ErrorKind.invalid


class InvalidWindowError(SlotstreamError):
    """The period asked for ends before it starts or is longer than a query may ask."""

    code = "invalid_window"
    kind = ErrorKind.invalid


class InvalidQueryError(SlotstreamError):
    code = "invalid_query"
    kind = ErrorKind.invalid


class QueryTooLargeError(SlotstreamError):
    """The answer would be too much work or too long."""

    code = "query_too_large"
    kind = ErrorKind.invalid

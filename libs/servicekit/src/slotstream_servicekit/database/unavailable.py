"""Tells errors that pass by themselves from errors that stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError

from slotstream_servicekit.errors import DatabaseUnavailableError

_PASSING_STATES = ("08", "40", "53", "57", "55P03", "25006", "25P03")
"""SQLSTATEs of errors that pass: connection, rollback, resources, operator, lock, read-only standby, idle timeout."""

DATABASE_AWAY: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What calls of the driver raise when the database goes away meanwhile."""


@contextmanager
def unavailable_as_transient() -> Iterator[None]:
    """Raises DatabaseUnavailableError for errors that pass by themselves, and leaves all others as they are."""
    try:
        yield
    except Exception as error:
        if is_unavailable(error):
            raise DatabaseUnavailableError from error
        raise


def is_unavailable(error: BaseException) -> bool:
    """Whether `error` says that the same statement may succeed later."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_unavailable(error.orig))
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_PASSING_STATES)
    # Errors of the driver itself have no SQLSTATE. Among them are wrong arguments, which do not pass.
    complaint = error.__cause__ or error
    if isinstance(complaint, asyncpg.InternalClientError):
        # The server closed the connection just before a statement was sent.
        return True
    return isinstance(complaint, asyncpg.InterfaceError) and "clos" in str(complaint)

"""PostgreSQL's NOTIFY wakes a worker when there is work, so that it need not query often.

For rare work only: commits that notify wait for each other, across the whole server.
"""

import asyncio
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.background import pause_for
from slotstream_servicekit.database import DATABASE_AWAY, Database
from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_RECONNECT_SECONDS: Final = 1.0
_PROOF_SECONDS: Final = 20.0
"""How often the connection is used, so that it is known to be alive and the server does not end it as idle."""
_NOTIFY: Final = text("SELECT pg_notify(:channel, '')")


async def notify(session: AsyncSession, channel: str) -> None:
    """Wakes all listeners of `channel` in this service's database, once the transaction is committed."""
    await session.execute(_NOTIFY, {"channel": channel})


class Listener:
    """Sets `wake` whenever `channel` is notified. A worker runs it as a task.

    Notifications are lost while the connection is down. So `wake` is also set at each new connection, and whoever
    waits for it must still query now and then.
    """

    def __init__(self, database: Database, channel: str, *, wake: asyncio.Event) -> None:
        self._database = database
        self._channel = channel
        self._wake = wake

    async def run(self, stop: asyncio.Event) -> None:
        """Listens until `stop` is set. Connects again when the database was away."""
        while not stop.is_set():
            try:
                await self._listen(stop)
            except (DatabaseUnavailableError, *DATABASE_AWAY) as error:
                log.warning(
                    "listener_interrupted", channel=self._channel, cause=type(error.__cause__ or error).__name__
                )
                await pause_for(_RECONNECT_SECONDS, stop)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await self._database.dial(application_name=f"listener-{self._channel}")
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(self._channel, lambda *_: self._wake.set())
            self._wake.set()
            while not stop.is_set() and not lost.is_set():
                await pause_for(_PROOF_SECONDS, stop, lost)
                if not lost.is_set():
                    await connection.execute("SELECT 1")
        finally:
            connection.terminate()

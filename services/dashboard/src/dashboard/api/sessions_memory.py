"""Sessions as this process last read them: for some seconds, so that a page's requests do not each ask twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dashboard.domain.errors import SessionMissingError
from dashboard.domain.sessions import SignedIn, digest_of
from dashboard.domain.users import UserRole, UserState
from dashboard.storage import NO_ORGANIZATION, IdentityProviderStore, UserStore
from dashboard.usecases.sessions import find_session, live_sessions
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.database import Database

_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Remembered:
    signed_in: SignedIn
    until: datetime


class SessionMemory:
    def __init__(self, database: Database, *, clock: Clock, memory: timedelta, idle: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._memory = memory
        self._idle = idle
        self._remembered: dict[bytes, _Remembered] = {}
        self._forgotten = 0

    async def find(self, secret: str | None) -> SignedIn | None:
        """Who is signed in by the cookie's secret; None where nobody is, or not any more."""
        if secret is None:
            return None
        digest, now = digest_of(secret), self._clock()
        remembered = self._remembered.get(digest)
        if remembered is not None and now < remembered.until:
            return remembered.signed_in
        forgotten = self._forgotten
        signed_in = await self._read(secret, now)
        if signed_in is None:
            self._remembered.pop(digest, None)
            return None
        if forgotten != self._forgotten:
            # Read before something was changed: fit for this request, and not to be remembered.
            return signed_in
        if len(self._remembered) >= _MOST:
            self._remembered.clear()
        self._remembered[digest] = _Remembered(signed_in, now + self._memory)
        return signed_in

    async def get(self, secret: str | None) -> SignedIn:
        """Raises SessionMissingError."""
        signed_in = await self.find(secret)
        if signed_in is None:
            raise SessionMissingError("You are not signed in, or not any more.")
        return signed_in

    def forget(self) -> None:
        """After a change of users or sessions: this process goes by it at once, others within `memory`."""
        self._remembered.clear()
        self._forgotten += 1

    async def is_unchanged(self, signed_in: SignedIn) -> bool:
        """Whether the session goes on with the rights it had. Unlike `find`, this is no use of it."""
        async with self._database.transaction(NO_ORGANIZATION) as session:
            alive = await live_sessions(
                session=session, session_ids=[signed_in.session.id], now=self._clock(), idle=self._idle
            )
        if not alive:
            return False
        user = signed_in.user
        async with self._database.transaction(user.organization_id) as session:
            known = await UserStore(session).find(user.organization_id, user.id)
        return known is not None and known.state is UserState.ACTIVE and known.version == user.version

    async def _read(self, secret: str, now: datetime) -> SignedIn | None:
        async with self._database.transaction(NO_ORGANIZATION) as session:
            found = await find_session(session=session, secret=secret, now=now, idle=self._idle)
        if found is None:
            return None
        async with self._database.transaction(found.organization_id) as session:
            user = await UserStore(session).find(found.organization_id, found.user_id)
            required = found.account_id is not None and await IdentityProviderStore(session).is_required(
                found.organization_id
            )
        if user is None or user.state is not UserState.ACTIVE:
            return None
        if required and user.role is not UserRole.OWNER:
            return None
        return SignedIn(session=found, user=user)

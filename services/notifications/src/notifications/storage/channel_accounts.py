"""Organizations' own accounts at providers, and what waits for one that does not work."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.channel_accounts import (
    ACCOUNT_FAILING,
    AccountDetails,
    ChannelAccount,
    Provider,
    SmtpDetails,
    TwilioDetails,
)
from notifications.domain.messages import Channel, Kind, Status
from notifications.storage.tables import channel_accounts, messages

AccountKey = tuple[UUID, str]
"""Organization and provider."""

_KNOWN: Final = channel_accounts.c.provider.in_(sorted(Provider))
"""A newer version, which runs beside this one while processes are replaced, may know more."""
_WORKS: Final[dict[str, Any]] = {"failures": 0, "failure_code": None, "failing_since": None, "paused_until": None}


class ChannelAccountStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_organizations(self, organization_ids: Collection[UUID]) -> list[ChannelAccount]:
        if not organization_ids:
            return []
        query = select(*channel_accounts.c).where(
            channel_accounts.c.organization_id.in_(sorted(set(organization_ids))), _KNOWN
        )
        return [_account_of(row) for row in await self._session.execute(query)]

    async def find(self, organization_id: UUID, provider: Provider, *, lock: bool = False) -> ChannelAccount | None:
        query = select(*channel_accounts.c).where(*_of(organization_id, provider))
        row = (await self._session.execute(query.with_for_update() if lock else query)).first()
        return _account_of(row) if row is not None else None

    async def put(self, account: ChannelAccount, *, replaces: int) -> bool:
        """Stores `account` in place of version `replaces` (0: none yet); False where that is not the current one."""
        values = {**asdict(account), "details": asdict(account.details), "secret_names": list(account.secret_names)}
        statement = insert(channel_accounts).values(values)
        stored = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "provider"],
                set_=values,
                where=channel_accounts.c.version == replaces,
            ).returning(channel_accounts.c.provider)
        )
        return stored.first() is not None

    async def remove(self, organization_id: UUID, provider: Provider, *, version: int) -> bool:
        """False where `version` is not the current one."""
        gone = await self._session.execute(
            delete(channel_accounts)
            .where(*_of(organization_id, provider), channel_accounts.c.version == version)
            .returning(channel_accounts.c.provider)
        )
        return gone.first() is not None

    async def fail(self, account: ChannelAccount, *, code: str, until: datetime, now: datetime) -> datetime | None:
        """Rests it until then; since when it fails.

        None where another message has found it failing meanwhile, or it is another by now.
        """
        rested = await self._session.execute(
            update(channel_accounts)
            .where(
                *_still(account),
                or_(channel_accounts.c.paused_until.is_(None), channel_accounts.c.paused_until <= now),
            )
            .values(
                failures=channel_accounts.c.failures + 1,
                failure_code=code,
                failing_since=func.coalesce(channel_accounts.c.failing_since, now),
                paused_until=until,
            )
            .returning(channel_accounts.c.failing_since)
        )
        row = rested.first()
        return row.failing_since if row is not None else None

    async def works(self, account: ChannelAccount) -> None:
        """It has taken a message after it had failed."""
        await self._session.execute(update(channel_accounts).where(*_still(account)).values(_WORKS))

    async def hold_due(
        self, organization_id: UUID, channels: Collection[Channel], *, until: datetime, now: datetime
    ) -> None:
        """Has all that is due on these channels wait until then, but for what tells of it by the installation's."""
        await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.channel.in_(sorted(channels)),
                messages.c.status == Status.PLANNED,
                messages.c.kind != Kind.ACCOUNT_FAILING,
                messages.c.next_attempt_at <= now,
            )
            .values(next_attempt_at=until, code=ACCOUNT_FAILING, updated_at=now)
        )

    async def wake_held(
        self, organization_id: UUID, channels: Collection[Channel], codes: Collection[str], *, now: datetime
    ) -> bool:
        """Has what waits for the account tried again now; whether there is any."""
        woken = await self._session.execute(
            update(messages)
            .where(
                messages.c.organization_id == organization_id,
                messages.c.channel.in_(sorted(channels)),
                messages.c.status == Status.PLANNED,
                messages.c.code.in_(sorted({ACCOUNT_FAILING, *codes})),
                messages.c.next_attempt_at > now,
            )
            .values(next_attempt_at=now)
            .returning(text("1"))
        )
        return woken.first() is not None

    async def sealed_secrets(self, *, after: AccountKey | None, limit: int) -> Sequence[tuple[AccountKey, bytes]]:
        """Of all organizations, in order."""
        key = (channel_accounts.c.organization_id, channel_accounts.c.provider)
        query = select(*key, channel_accounts.c.sealed_secrets).order_by(*key).limit(limit)
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        rows = await self._session.execute(query)
        return [((row.organization_id, row.provider), bytes(row.sealed_secrets)) for row in rows]

    async def replace_secret(self, key: AccountKey, *, former: bytes, sealed: bytes) -> bool:
        """Whether the secret was still `former`."""
        replaced = await self._session.execute(
            update(channel_accounts)
            .where(
                channel_accounts.c.organization_id == key[0],
                channel_accounts.c.provider == key[1],
                channel_accounts.c.sealed_secrets == former,
            )
            .values(sealed_secrets=sealed)
            .returning(channel_accounts.c.provider)
        )
        return replaced.first() is not None


def _of(organization_id: UUID, provider: Provider) -> list[ColumnElement[bool]]:
    return [channel_accounts.c.organization_id == organization_id, channel_accounts.c.provider == provider]


def _still(account: ChannelAccount) -> list[ColumnElement[bool]]:
    """The account as it was read. One that was removed and set anew begins with the same version at another time."""
    return [
        *_of(account.organization_id, account.provider),
        channel_accounts.c.version == account.version,
        channel_accounts.c.created_at == account.created_at,
    ]


def _account_of(row: Row[Any]) -> ChannelAccount:
    provider = Provider(row.provider)
    return ChannelAccount(
        organization_id=row.organization_id,
        provider=provider,
        details=_details_of(provider, row.details),
        sealed_secrets=bytes(row.sealed_secrets),
        secret_names=tuple(row.secret_names),
        secrets_set_at=row.secrets_set_at,
        failures=row.failures,
        failure_code=row.failure_code,
        failing_since=row.failing_since,
        paused_until=row.paused_until,
        updated_by=row.updated_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _details_of(provider: Provider, stored: dict[str, Any]) -> AccountDetails:
    if provider is Provider.SMTP:
        return SmtpDetails(
            host=stored["host"],
            port=stored["port"],
            tls=stored["tls"],
            username=stored["username"],
            sender_address=stored["sender_address"],
        )
    return TwilioDetails(
        account_sid=stored["account_sid"],
        api_key=stored["api_key"],
        sms_sender=stored["sms_sender"],
        voice_sender=stored["voice_sender"],
    )

"""A company's provider, the identities it has shown, and browsers that are on their way to it."""

import hashlib
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.identity_providers import IdentityProvider, ProviderVisit
from dashboard.domain.users import UserRole
from dashboard.storage.tables import identities, identity_providers, logout_tokens, provider_visits


class IdentityProviderStore:
    """Within the tenant of the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, organization_id: UUID, *, lock: bool = False) -> IdentityProvider | None:
        statement = select(identity_providers).where(identity_providers.c.organization_id == organization_id)
        row = (await self._session.execute(statement.with_for_update() if lock else statement)).first()
        return _provider_of(row) if row is not None else None

    async def is_required(self, organization_id: UUID) -> bool:
        statement = select(identity_providers.c.is_required)
        return bool(await self._session.scalar(statement.where(_of(organization_id))))

    async def save(self, provider: IdentityProvider) -> None:
        values = {**asdict(provider), "email_domains": list(provider.email_domains)}
        statement = insert(identity_providers).values(values)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=[identity_providers.c.organization_id], set_=values)
        )

    async def replace_secret(self, organization_id: UUID, *, former: bytes, sealed: bytes) -> None:
        await self._session.execute(
            update(identity_providers)
            .where(_of(organization_id), identity_providers.c.sealed_client_secret == former)
            .values(sealed_client_secret=sealed)
        )

    async def remove(self, organization_id: UUID) -> bool:
        statement = delete(identity_providers).where(_of(organization_id))
        removed = await self._session.execute(statement.returning(identity_providers.c.organization_id))
        return removed.first() is not None


class IdentityStore:
    """Within the tenant of the session's transaction. An identity is an issuer's name for one of its people."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def user_of(self, organization_id: UUID, *, issuer: str, subject: str) -> UUID | None:
        return await self._session.scalar(
            select(identities.c.user_id).where(
                identities.c.organization_id == organization_id,
                identities.c.issuer == issuer,
                identities.c.subject == subject,
            )
        )

    async def link(self, organization_id: UUID, user_id: UUID, *, issuer: str, subject: str, now: datetime) -> bool:
        """Whether neither the identity nor the user had another."""
        statement = (
            insert(identities)
            .values(organization_id=organization_id, user_id=user_id, issuer=issuer, subject=subject, created_at=now)
            .on_conflict_do_nothing()
            .returning(identities.c.user_id)
        )
        return (await self._session.execute(statement)).first() is not None


class ProviderVisitStore:
    """Shared: a visit is found by the digest of what the browser holds."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, visit: ProviderVisit, *, digest: bytes) -> None:
        await self._session.execute(insert(provider_visits).values(**asdict(visit), digest=digest))

    async def take(self, digest: bytes, *, now: datetime) -> ProviderVisit | None:
        """Takes it for good; None where there is none, or it has expired."""
        statement = delete(provider_visits).where(provider_visits.c.digest == digest).returning(*_SHOWN)
        row = (await self._session.execute(statement)).first()
        visit = ProviderVisit(**row._mapping) if row is not None else None  # noqa: SLF001
        return visit if visit is not None and visit.expires_at > now else None


class LogoutTokenStore:
    """Shared: a token is known by a digest, for as long as it could be used."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def use(self, organization_id: UUID, issuer: str, token_id: str, *, kept_until: datetime) -> bool:
        """Whether it had not been used before."""
        digest = hashlib.sha256("\x00".join((str(organization_id), issuer, token_id)).encode()).digest()
        statement = insert(logout_tokens).values(digest=digest, expires_at=kept_until).on_conflict_do_nothing()
        return (await self._session.execute(statement.returning(logout_tokens.c.digest))).first() is not None


_SHOWN = tuple(column for column in provider_visits.c if column.name != "digest")


def _of(organization_id: UUID) -> Any:
    return identity_providers.c.organization_id == organization_id


def _provider_of(row: Row[Any]) -> IdentityProvider:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    default_role = fields.pop("default_role")
    return IdentityProvider(
        **{
            **fields,
            "email_domains": tuple(fields["email_domains"]),
            "role_values": {value: UserRole(role) for value, role in fields["role_values"].items()},
        },
        default_role=UserRole(default_role) if default_role is not None else None,
    )

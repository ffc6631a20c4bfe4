"""API clients, and the digests of their secrets."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.api_clients import ApiClient, ApiClientRole, ApiClientState
from dashboard.domain.errors import ApiClientNotFoundError
from dashboard.storage.tables import api_client_secrets, api_clients


class ApiClientStore:
    """API clients within the tenant of the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, client: ApiClient) -> bool:
        """Whether the id was free."""
        statement = upsert(api_clients).values(_values_of(client)).on_conflict_do_nothing().returning(api_clients.c.id)
        return (await self._session.execute(statement)).first() is not None

    async def get(self, organization_id: UUID, client_id: UUID, *, lock: bool = False) -> ApiClient:
        """Raises ApiClientNotFoundError."""
        client = await self.find(organization_id, client_id, lock=lock)
        if client is None:
            raise ApiClientNotFoundError("There is no such API client.")
        return client

    async def find(self, organization_id: UUID, client_id: UUID, *, lock: bool = False) -> ApiClient | None:
        statement = select(api_clients).where(
            api_clients.c.organization_id == organization_id, api_clients.c.id == client_id
        )
        row = (await self._session.execute(statement.with_for_update() if lock else statement)).first()
        return _client_of(row) if row is not None else None

    async def find_all(self, organization_id: UUID, client_ids: Collection[UUID]) -> Sequence[ApiClient]:
        statement = select(api_clients).where(
            api_clients.c.organization_id == organization_id, api_clients.c.id.in_(client_ids)
        )
        return [_client_of(row) for row in await self._session.execute(statement)]

    async def page(self, organization_id: UUID, *, after: UUID | None, limit: int) -> Sequence[ApiClient]:
        statement = select(api_clients).where(api_clients.c.organization_id == organization_id)
        if after is not None:
            statement = statement.where(api_clients.c.id > after)
        rows = await self._session.execute(statement.order_by(api_clients.c.id).limit(limit))
        return [_client_of(row) for row in rows]

    async def save(self, client: ApiClient) -> None:
        await self._session.execute(
            update(api_clients)
            .where(api_clients.c.organization_id == client.organization_id, api_clients.c.id == client.id)
            .values(_values_of(client))
        )

    async def note_use(self, client: ApiClient, *, now: datetime) -> None:
        await self._session.execute(
            update(api_clients)
            .where(api_clients.c.organization_id == client.organization_id, api_clients.c.id == client.id)
            .values(last_used_at=now)
        )

    async def remove(self, organization_id: UUID, client_id: UUID) -> None:
        await self._session.execute(
            delete(api_clients).where(api_clients.c.organization_id == organization_id, api_clients.c.id == client_id)
        )

    async def add_secret(self, client: ApiClient, *, digest: bytes, now: datetime) -> None:
        await self._session.execute(
            insert(api_client_secrets).values(
                digest=digest, client_id=client.id, organization_id=client.organization_id, created_at=now
            )
        )

    async def end_secrets(self, client_id: UUID, *, at: datetime) -> None:
        """Lets every secret that has no earlier end expire at that instant."""
        await self._session.execute(
            update(api_client_secrets)
            .where(api_client_secrets.c.client_id == client_id)
            .values(expires_at=func.least(func.coalesce(api_client_secrets.c.expires_at, at), at))
        )

    async def organization_of_secret(self, *, client_id: UUID, digest: bytes, now: datetime) -> UUID | None:
        """Whose client it is, where the secret is one of the client's and has not expired."""
        organization_id: UUID | None = await self._session.scalar(
            select(api_client_secrets.c.organization_id).where(
                api_client_secrets.c.digest == digest,
                api_client_secrets.c.client_id == client_id,
                func.coalesce(api_client_secrets.c.expires_at > now, True),
            )
        )
        return organization_id


def _values_of(client: ApiClient) -> dict[str, Any]:
    values = {column.name: getattr(client, column.name) for column in api_clients.c}
    businesses = list(client.business_ids) if client.business_ids is not None else None
    return {**values, "scopes": list(client.scopes), "business_ids": businesses}


def _client_of(row: Row[Any]) -> ApiClient:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    business_ids = fields.pop("business_ids")
    return ApiClient(
        **{
            **fields,
            "role": ApiClientRole(fields["role"]),
            "state": ApiClientState(fields["state"]),
            "scopes": tuple(fields["scopes"]),
        },
        business_ids=tuple(business_ids) if business_ids is not None else None,
    )

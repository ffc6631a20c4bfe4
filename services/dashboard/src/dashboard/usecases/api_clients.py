"""Making, changing and rotating API clients, and recognising them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.api_clients import ApiClient, ApiClientRole, ApiClientState
from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import ApiClientRefusedError, IdTakenError
from dashboard.domain.sessions import digest_of
from dashboard.storage import ApiClientStore
from dashboard.usecases.audit import add_audit_entry
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError

SecretOf = Callable[[ApiClient], str]
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClientChange:
    """The fields that are named in `given` are set; the others stay."""

    given: frozenset[str]
    name: str | None = None
    scopes: tuple[str, ...] | None = None
    business_ids: tuple[UUID, ...] | None = None
    active: bool | None = None


async def create_api_client(
    *,
    session: AsyncSession,
    context: Context,
    client_id: UUID,
    name: str,
    role: ApiClientRole,
    scopes: tuple[str, ...],
    business_ids: tuple[UUID, ...] | None,
    secret_of: SecretOf,
) -> ApiClient:
    client = ApiClient(
        id=client_id,
        organization_id=context.organization_id,
        name=name,
        role=role,
        scopes=scopes,
        business_ids=business_ids,
        state=ApiClientState.ACTIVE,
        rotation=1,
        last_used_at=None,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )
    store = ApiClientStore(session)
    if not await store.add(client):
        raise IdTakenError("The id is in use already.")
    await store.add_secret(client, digest=digest_of(secret_of(client)), now=context.now)
    await _audit(session, context, AuditAction.API_CLIENT_CREATED, client, {"role": role, "scopes": list(scopes)})
    return client


async def change_api_client(
    *, session: AsyncSession, context: Context, client_id: UUID, change: ApiClientChange, expected_version: int | None
) -> ApiClient:
    client = await _locked(session, context, client_id, expected_version)
    changed = _with(client, change)
    if changed == client:
        return client
    changed = replace(changed, updated_at=context.now, version=client.version + 1)
    await ApiClientStore(session).save(changed)
    details: dict[str, object] = {
        "state": changed.state,
        "scopes": list(changed.scopes),
        "business_ids": [str(each) for each in changed.business_ids] if changed.business_ids is not None else None,
    }
    await _audit(session, context, AuditAction.API_CLIENT_CHANGED, client, details)
    return changed


async def rotate_api_client(
    *,
    session: AsyncSession,
    context: Context,
    client_id: UUID,
    overlap: timedelta,
    expected_version: int | None,
    secret_of: SecretOf,
) -> ApiClient:
    """Gives the client a new secret; those before it work on for `overlap`."""
    client = await _locked(session, context, client_id, expected_version)
    rotated = replace(client, rotation=client.rotation + 1, updated_at=context.now, version=client.version + 1)
    store = ApiClientStore(session)
    await store.save(rotated)
    await store.end_secrets(client.id, at=context.now + overlap)
    await store.add_secret(rotated, digest=digest_of(secret_of(rotated)), now=context.now)
    details: dict[str, object] = {"overlap_seconds": int(overlap.total_seconds())}
    await _audit(session, context, AuditAction.API_CLIENT_ROTATED, client, details)
    return rotated


async def remove_api_client(
    *, session: AsyncSession, context: Context, client_id: UUID, expected_version: int | None
) -> None:
    client = await _locked(session, context, client_id, expected_version)
    await ApiClientStore(session).remove(context.organization_id, client_id)
    await _audit(session, context, AuditAction.API_CLIENT_REMOVED, client, {"role": client.role})


async def find_client_organization(*, session: AsyncSession, client_id: UUID, secret: str, now: datetime) -> UUID:
    """Whose client it is. Raises ApiClientRefusedError, the same for an unknown client and a wrong secret."""
    organization_id = await ApiClientStore(session).organization_of_secret(
        client_id=client_id, digest=digest_of(secret), now=now
    )
    if organization_id is None:
        raise ApiClientRefusedError("There is no API client with this id and secret.")
    return organization_id


async def use_api_client(*, session: AsyncSession, organization_id: UUID, client_id: UUID, now: datetime) -> ApiClient:
    """The client, whose use is noted once a minute. Raises ApiClientRefusedError where it is deactivated."""
    store = ApiClientStore(session)
    client = await store.get(organization_id, client_id)
    if client.state is not ApiClientState.ACTIVE:
        raise ApiClientRefusedError("There is no API client with this id and secret.")
    if client.last_used_at is None or now - client.last_used_at >= USE_NOTED_EVERY:
        await store.note_use(client, now=now)
    return client


def _with(client: ApiClient, change: ApiClientChange) -> ApiClient:
    changed = client
    if "name" in change.given and change.name is not None:
        changed = replace(changed, name=change.name)
    if "scopes" in change.given and change.scopes is not None:
        changed = replace(changed, scopes=change.scopes)
    if "business_ids" in change.given:
        changed = replace(changed, business_ids=change.business_ids)
    if "active" in change.given and change.active is not None:
        state = ApiClientState.ACTIVE if change.active else ApiClientState.DEACTIVATED
        changed = replace(changed, state=state)
    return changed


async def _locked(session: AsyncSession, context: Context, client_id: UUID, expected_version: int | None) -> ApiClient:
    client = await ApiClientStore(session).get(context.organization_id, client_id, lock=True)
    if expected_version is not None and expected_version != client.version:
        raise VersionConflictError(client.version)
    return client


async def _audit(
    session: AsyncSession, context: Context, action: AuditAction, client: ApiClient, details: dict[str, object]
) -> None:
    await add_audit_entry(
        session=session,
        context=context,
        action=action,
        subject_type="api_client",
        subject_id=client.id,
        details=details,
    )

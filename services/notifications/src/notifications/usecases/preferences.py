"""What a client wants to be written to about."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.contacts import Client, Preference
from notifications.domain.messages import Channel
from notifications.domain.opt_outs import STOPPED_BY_NUMBER, NumberDigests, Unsubscriber
from notifications.publishers import preference_record
from notifications.storage import ClientStore, OptOutStore, PreferenceStore
from slotstream_servicekit.context import Cause, Context
from slotstream_servicekit.errors import NotFoundError, VersionConflictError
from slotstream_servicekit.outbox import enqueue


async def change_preferences(
    *,
    session: AsyncSession,
    context: Context,
    client_id: UUID,
    opted_out: Collection[Channel],
    reminders: bool | None = None,
    by: Unsubscriber = "client",
    expected_version: int | None,
) -> Preference:
    """Sets the channels that the client has opted out of, and says so; those they had already keep their date.

    `reminders`: whether reminders and follow-ups are mailed; None leaves it as it is.
    """
    store = PreferenceStore(session)
    old = await _lock_preferences(session, context.organization_id, client_id)
    if expected_version is not None and expected_version != old.version:
        raise VersionConflictError(old.version)
    is_unsubscribed = old.unsubscribed_at is not None if reminders is None else not reminders
    is_same = is_unsubscribed == (old.unsubscribed_at is not None)
    if is_same and set(old.opted_out) == {channel.value for channel in opted_out}:
        return old
    new = Preference(
        organization_id=context.organization_id,
        client_id=client_id,
        opted_out={channel.value: old.opted_out.get(channel.value, context.now) for channel in opted_out},
        unsubscribed_at=old.unsubscribed_at or context.now if is_unsubscribed else None,
        unsubscribed_by=old.unsubscribed_by or by if is_unsubscribed else None,
        stopped=old.stopped,
        version=old.version + 1,
    )
    if not await store.put(new, replaces=old.version):
        raise VersionConflictError((await store.get(context.organization_id, client_id)).version)
    await enqueue(session, [preference_record(new, cause=context.cause, now=context.now)])
    return new


async def unsubscribe(*, session: AsyncSession, context: Context, client_id: UUID) -> Preference:
    """No reminders and follow-ups by mail any more, as one click in a mail program asks for. Twice is as once."""
    old = await _lock_preferences(session, context.organization_id, client_id)
    new = await PreferenceStore(session).unsubscribe(
        context.organization_id, client_id, by="one_click", now=context.now
    )
    if new is None:
        return old
    await enqueue(session, [preference_record(new, cause=context.cause, now=context.now)])
    return new


async def tell_stops(
    *, session: AsyncSession, clients: Sequence[Client], numbers: NumberDigests, cause: Cause, now: datetime
) -> None:
    """Says of whom it is new that their phone has stopped us, or has not: a client may come, or get another number."""
    digests = {
        (client.organization_id, client.id): numbers.of(client.phone or "") for client in clients if client.phone
    }
    known = {digest for each in digests.values() for digest in each}
    blocked = await OptOutStore(session).blocked(known)
    own = await OptOutStore(session).own_blocked({organization_id for organization_id, _ in digests}, known)
    stopped = {
        key
        for key, each in digests.items()
        if not blocked.isdisjoint(each) or any((key[0], digest) in own for digest in each)
    }
    free = {(client.organization_id, client.id) for client in clients} - stopped
    store = PreferenceStore(session)
    told = [*await store.stop(stopped), *await store.start(free)]
    await enqueue(session, [preference_record(preference, cause=cause, now=now) for preference in told])


async def find_portal_client(*, session: AsyncSession, organization_id: UUID, client_id: UUID) -> UUID:
    """The client, or the one whom a duplicate was merged into. Raises NotFoundError: also for one who was erased."""
    client = await ClientStore(session).get(organization_id, client_id)
    if client is None:
        raise NotFoundError("There is no such client.")
    return client.id


async def read_stops(
    *, session: AsyncSession, organization_id: UUID, client_id: UUID, numbers: NumberDigests
) -> dict[Channel, datetime]:
    """The channels that the client's phone has stopped, whoever else has its number, and since when."""
    client = await ClientStore(session).get(organization_id, client_id)
    digests = numbers.of(client.phone) if client is not None and client.phone else ()
    since = await OptOutStore(session).since(digests) if digests else None
    if since is None and digests:
        since = await OptOutStore(session, organization_id).since(digests)
    return {} if since is None else dict.fromkeys(STOPPED_BY_NUMBER, since)


async def read_preferences(*, session: AsyncSession, organization_id: UUID, client_id: UUID) -> Preference:
    is_known = await ClientStore(session).get(organization_id, client_id) is not None
    return await _preferences_of(session, organization_id, client_id, is_known=is_known)


async def _lock_preferences(session: AsyncSession, organization_id: UUID, client_id: UUID) -> Preference:
    """For who changes them: an erase waits meanwhile, else what is stored here would outlive it."""
    is_known = await ClientStore(session).lock(organization_id, client_id)
    return await _preferences_of(session, organization_id, client_id, is_known=is_known)


async def _preferences_of(
    session: AsyncSession, organization_id: UUID, client_id: UUID, *, is_known: bool
) -> Preference:
    if not is_known:
        raise NotFoundError(f"There is no client {client_id}")
    return await PreferenceStore(session).get(organization_id, client_id)

"""The browsers that a person wants to be pushed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.push import checked_endpoint, checked_keys
from notifications.domain.channels import Channels
from notifications.domain.errors import TooManySubscriptionsError
from notifications.domain.messages import Channel
from notifications.domain.push import MOST_PUSH_SUBSCRIPTIONS, PushPerson, PushSubscription
from notifications.storage import ClientStore, Devices, MessageStore, PushSubscriptionStore, UserStore
from notifications.usecases.planning import plan_for_clients
from notifications.usecases.preferences import change_preferences, read_preferences
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError
from slotstream_servicekit.http.public_addresses import Network
from slotstream_servicekit.ids import new_id

_MISSING: Final = "There is no such subscription."


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """What a browser says of itself; the keys in base64url."""

    endpoint: str
    p256dh: str
    auth: str
    device: str | None


async def subscribe(
    *,
    session: AsyncSession,
    context: Context,
    person: PushPerson,
    browser: Browser,
    replaces: str | None = None,
    allowed: Sequence[Network],
    channels: Channels,
) -> PushSubscription:
    """One more browser of the person; the same one again has new keys. What a client had refused by push goes again.

    `replaces` is the endpoint that the browser had before, which goes.
    """
    endpoint = checked_endpoint(browser.endpoint, allowed=allowed)
    p256dh, auth = checked_keys(browser.p256dh, browser.auth)
    store = PushSubscriptionStore(session)
    await store.lock_person(person)
    if person.client_id is not None and not await ClientStore(session).lock(person.organization_id, person.client_id):
        raise NotFoundError("There is no such client.")
    if replaces is not None and replaces != endpoint:
        await store.remove_endpoint(person, replaces)
    if person.user_id is not None and await UserStore(session).removed([(person.organization_id, person.user_id)]):
        raise NotFoundError("There is no such user.")
    others = [device for device in await store.of_person(person) if device.endpoint != endpoint]
    if len(others) >= MOST_PUSH_SUBSCRIPTIONS:
        raise TooManySubscriptionsError(f"There are {len(others)} browsers already: remove one of them first")
    subscription = await store.put(
        PushSubscription(
            id=new_id(),
            person=person,
            endpoint=endpoint,
            p256dh=p256dh,
            auth=auth,
            device=browser.device,
            created_at=context.now,
        )
    )
    if person.client_id is not None:
        await _wanted_again(session, context, person.client_id, channels)
    return subscription


async def unsubscribe(*, session: AsyncSession, person: PushPerson, subscription_id: UUID) -> None:
    """Raises NotFoundError: also for one of somebody else."""
    if not await PushSubscriptionStore(session).remove(person, subscription_id):
        raise NotFoundError(_MISSING)


async def list_subscriptions(*, session: AsyncSession, person: PushPerson) -> Devices:
    return await PushSubscriptionStore(session).of_person(person)


async def _wanted_again(session: AsyncSession, context: Context, client_id: UUID, channels: Channels) -> None:
    organization_id = context.organization_id
    known = await read_preferences(session=session, organization_id=organization_id, client_id=client_id)
    if Channel.PUSH in known.opted_out:
        await change_preferences(
            session=session,
            context=context,
            client_id=client_id,
            opted_out=[Channel(name) for name in known.opted_out if name != Channel.PUSH],
            expected_version=None,
        )
    clients = {(organization_id, client_id)}
    if await plan_for_clients(
        session=session, clients=clients, channels=channels, cause=context.cause, now=context.now
    ):
        await MessageStore(session).announce_planned()

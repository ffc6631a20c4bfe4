"""/v1/push-subscriptions and /v1/portal/push-subscriptions: the browsers that the caller wants to be pushed to."""

from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.api.dependencies import CurrentDependencies, Dependencies, PortalClient, Reader
from notifications.domain.errors import PeopleOnlyError
from notifications.domain.push import PushPerson, PushSubscription
from notifications.schemas.push import PushKeyOut, PushSubscriptionOut, PushSubscriptionsOut, SubscribePushIn
from notifications.usecases.preferences import find_portal_client
from notifications.usecases.push import Browser, list_subscriptions, subscribe, unsubscribe
from slotstream_servicekit.http import Principal, Router
from slotstream_servicekit.http.idempotency import IdempotencyKey, idempotent
from slotstream_servicekit.http.openapi import problem_response
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/push-subscriptions", tags=["push"])
portal_router = Router(prefix="/v1/portal/push-subscriptions", tags=["portal"])

_NOT_CONFIGURED: Final[dict[int | str, dict[str, Any]]] = {409: problem_response(409)}


@router.get("/key", responses=_NOT_CONFIGURED)
async def get_push_key(dependencies: CurrentDependencies, principal: Reader) -> PushKeyOut:
    """The key that browsers subscribe with (`applicationServerKey`). 409 `channel_unavailable` where there is none."""
    return PushKeyOut(public_key=dependencies.require_push().public_key)


@router.get("")
async def list_push_subscriptions(dependencies: CurrentDependencies, principal: Reader) -> PushSubscriptionsOut:
    """The caller's own."""
    return await _list(dependencies, principal, _of_user(principal))


@router.post("", status_code=201, response_model=PushSubscriptionOut)
async def create_push_subscription(
    request: Request,
    body: SubscribePushIn,
    dependencies: CurrentDependencies,
    principal: Reader,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Push to the caller's browser too. The same browser again replaces its keys."""

    async def add(session: AsyncSession) -> Response:
        return await _subscribed(session, dependencies, principal, _of_user(principal), body)

    return await idempotent(request, database=dependencies.database, principal=principal, action=add)


@router.delete("/{subscription_id}", status_code=204)
async def delete_push_subscription(subscription_id: UUID, dependencies: CurrentDependencies, principal: Reader) -> None:
    async with dependencies.database.transaction(principal) as session:
        await unsubscribe(session=session, person=_of_user(principal), subscription_id=subscription_id)


@portal_router.get("/key", responses=_NOT_CONFIGURED)
async def get_own_push_key(dependencies: CurrentDependencies, principal: PortalClient) -> PushKeyOut:
    """The key that browsers subscribe with (`applicationServerKey`). 409 `channel_unavailable` where there is none."""
    return PushKeyOut(public_key=dependencies.require_push().public_key)


@portal_router.get("")
async def list_own_push_subscriptions(
    dependencies: CurrentDependencies, principal: PortalClient
) -> PushSubscriptionsOut:
    async with dependencies.database.transaction(principal) as session:
        person = await _of_client(session, principal)
    return await _list(dependencies, principal, person)


@portal_router.post("", status_code=201, response_model=PushSubscriptionOut)
async def create_own_push_subscription(
    request: Request,
    body: SubscribePushIn,
    dependencies: CurrentDependencies,
    principal: PortalClient,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Push to the client's browser too. The same browser again replaces its keys."""

    async def add(session: AsyncSession) -> Response:
        person = await _of_client(session, principal)
        return await _subscribed(session, dependencies, principal, person, body)

    return await idempotent(request, database=dependencies.database, principal=principal, action=add)


@portal_router.delete("/{subscription_id}", status_code=204)
async def delete_own_push_subscription(
    subscription_id: UUID, dependencies: CurrentDependencies, principal: PortalClient
) -> None:
    async with dependencies.database.transaction(principal) as session:
        person = await _of_client(session, principal)
        await unsubscribe(session=session, person=person, subscription_id=subscription_id)


def _of_user(principal: Principal) -> PushPerson:
    if principal.actor_type != "user":
        raise PeopleOnlyError("Only people have browsers: a program reads messages by the API.")
    return PushPerson(organization_id=principal.organization_id, user_id=principal.subject)


async def _of_client(session: AsyncSession, principal: Principal) -> PushPerson:
    assert principal.client_id is not None  # noqa: S101 - no token has the right without a client
    client_id = await find_portal_client(
        session=session, organization_id=principal.organization_id, client_id=principal.client_id
    )
    return PushPerson(organization_id=principal.organization_id, client_id=client_id)


async def _list(dependencies: Dependencies, principal: Principal, person: PushPerson) -> PushSubscriptionsOut:
    async with dependencies.database.transaction(principal) as session:
        return PushSubscriptionsOut(
            items=[_out(device) for device in await list_subscriptions(session=session, person=person)]
        )


async def _subscribed(
    session: AsyncSession, dependencies: Dependencies, principal: Principal, person: PushPerson, body: SubscribePushIn
) -> Response:
    dependencies.require_push()
    subscription = await subscribe(
        session=session,
        context=dependencies.context_of(principal),
        person=person,
        browser=Browser(endpoint=body.endpoint, p256dh=body.keys.p256dh, auth=body.keys.auth, device=body.device),
        replaces=body.replaces,
        allowed=dependencies.push_networks,
        channels=dependencies.channels,
    )
    return model_response(_out(subscription), status=201)


def _out(subscription: PushSubscription) -> PushSubscriptionOut:
    return PushSubscriptionOut(
        id=subscription.id,
        service=subscription.service,
        device=subscription.device,
        created_at=subscription.created_at,
    )

"""The browsers that are pushed to."""

from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from slotstream_servicekit.http.models import InstantOut, RequestModel, ResponseModel


class PushKeysIn(RequestModel):
    """As browsers tell them, in base64url."""

    p256dh: Annotated[str, StringConstraints(max_length=200)]
    auth: Annotated[str, StringConstraints(max_length=100)]


class SubscribePushIn(RequestModel):
    """What `PushSubscription.toJSON()` says in a browser, and what the person is to know it by."""

    endpoint: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    keys: PushKeysIn
    device: Annotated[str, StringConstraints(max_length=200)] | None = None
    replaces: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """The endpoint that the browser had before (`pushsubscriptionchange`): the person's subscription with it goes."""


class PushSubscriptionOut(ResponseModel):
    """One browser. `service` is the host of its push service."""

    id: UUID
    service: str
    device: str | None
    created_at: InstantOut


class PushSubscriptionsOut(ResponseModel):
    items: list[PushSubscriptionOut]


class PushKeyOut(ResponseModel):
    public_key: str
    """An uncompressed point of P-256 in base64url (RFC 8292)."""

"""The context of a request, which use cases are given, from its verified caller."""

from datetime import datetime

from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import current_traceparent


def actor_of(principal: Principal) -> Actor:
    """The actor. A client of the portal is named by their id, whatever the subject of the token is."""
    actor_id = str(principal.client_id) if principal.client_id is not None else principal.subject
    return Actor(type=principal.actor_type, id=actor_id, call_id=principal.call_id)


def context_of(principal: Principal, *, now: datetime) -> Context:
    """The context. The correlation id is that of an AI agent's call, if there is one, else a new id."""
    return Context(
        organization_id=principal.organization_id,
        actor=actor_of(principal),
        cause=Cause(correlation_id=principal.call_id or str(new_id()), traceparent=current_traceparent()),
        now=now,
        limits=principal.limits,
    )

"""The context of a request: from its verified caller to what use cases are given."""

from datetime import datetime

from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.telemetry import current_traceparent


def actor_of(principal: Principal) -> Actor:
    """A client of the portal is named by their id, whatever the token calls its subject."""
    actor_id = str(principal.client_id) if principal.client_id is not None else principal.subject
    return Actor(type=principal.actor_type, id=actor_id, call_id=principal.call_id)


def context_of(principal: Principal, *, now: datetime) -> Context:
    """Correlated by the AI agent's call where there is one, else by an id of its own; in the request's trace."""
    return Context(
        organization_id=principal.organization_id,
        actor=actor_of(principal),
        cause=Cause(correlation_id=principal.call_id or str(new_id()), traceparent=current_traceparent()),
        now=now,
        limits=principal.limits,
    )

"""Looking parts of words up.

Under row-level security LIKE is never an index condition (it is not leakproof), so terms are looked up by
functions of the owner's, which use the trigram indexes and answer ids of the transaction's organization alone.
A term with many hits is not looked up but compared along the way: a page of results is then near at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from booking.domain.searching import Term, folded, terms_of

FEW = 1_000


@dataclass(frozen=True, slots=True)
class Hits:
    """Where one term was found; None: in more than a few places."""

    term: Term
    client_ids: Sequence[UUID] | None
    service_ids: Sequence[UUID]
    appointment_ids: Sequence[UUID] | None
    """Appointments whose custom service has it."""


async def look_up(connection: Any, organization_id: UUID, query: str | None) -> list[Hits]:
    """One entry per term of the query. The transaction is bound to the organization."""
    terms = terms_of(query)
    if not terms:
        return []
    services = await connection.fetch("SELECT id, name FROM services WHERE organization_id = $1", organization_id)
    return [await _hits(connection, term, services) for term in terms]


async def _hits(connection: Any, term: Term, services: Sequence[Any]) -> Hits:
    row = await connection.fetchrow(
        """
        SELECT ARRAY(SELECT search_clients($1, $3)) AS client_ids,
               ARRAY(SELECT search_custom_services($2, $3)) AS appointment_ids
        """,
        term.client_pattern,
        term.service_pattern,
        FEW + 1,
    )
    wanted = folded(term.service)
    return Hits(
        term=term,
        client_ids=_few(row["client_ids"]),
        service_ids=[one["id"] for one in services if wanted in folded(one["name"])],
        appointment_ids=_few(row["appointment_ids"]),
    )


def _few(ids: Sequence[UUID]) -> Sequence[UUID] | None:
    return None if len(ids) > FEW else ids

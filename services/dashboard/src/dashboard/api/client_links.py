"""/v1/client-links: links of clients for staff to copy, and the end of all links of a client."""

from uuid import UUID

from fastapi import Response

from dashboard.api.dependencies import ClientWriter, CurrentDependencies, Dependencies
from dashboard.domain.errors import NotYourClientError, PortalClosedError, PortalRefusedError
from dashboard.domain.portal import PortalClient, Visitor
from dashboard.schemas import ClientLinkOut, CreateClientLinkIn, RevokeClientLinksIn
from dashboard.usecases.client_links import LinkRequest, create_client_link, revoke_client_links
from slotstream_servicekit.client_links import ShownAppointment, link_address
from slotstream_servicekit.errors import NotFoundError, TransientError
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.auth import Principal, Right
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/client-links", tags=["client links"])


@router.post("", status_code=201, response_model=ClientLinkOut)
async def make_client_link(
    body: CreateClientLinkIn, dependencies: CurrentDependencies, principal: ClientWriter
) -> Response:
    """A link to one appointment, or to all that are shared with the client. It is shown here and kept nowhere.

    Whoever has it sees and changes appointments, so it is made by those who may do that themselves.
    """
    principal.require(Right.READ_APPOINTMENTS)
    principal.require(Right.BOOK)
    _require_unlimited(principal)
    sealer = dependencies.link_sealer
    if sealer is None:
        raise PortalClosedError("There are no keys for clients' links: set DASHBOARD_LINK_KEYS.")
    client, appointment = await _shown_to(dependencies, principal, body.client_id, body.appointment_id)
    request = LinkRequest(
        client_id=client.id, appointment=appointment, lifetime=dependencies.settings.client_link_lifetime
    )
    async with dependencies.database.transaction(principal.organization_id) as session:
        link = await create_client_link(session=session, context=dependencies.context(principal), request=request)
    url = link_address(dependencies.settings.public_url, sealer.seal(link))
    answer = model_response(ClientLinkOut(url=url, expires_at=link.expires_at), status=201)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/revoke", status_code=204)
async def revoke_links_of_client(
    body: RevokeClientLinksIn, dependencies: CurrentDependencies, principal: ClientWriter
) -> Response:
    """Ends every link of the client that there is, those in messages included. Repeating it does no harm."""
    _require_unlimited(principal)
    client_ids = {body.client_id, await _person(dependencies, principal, body.client_id)}
    async with dependencies.database.transaction(principal.organization_id) as session:
        for client_id in sorted(client_ids):
            await revoke_client_links(session=session, context=dependencies.context(principal), client_id=client_id)
    return Response(status_code=204)


def _require_unlimited(principal: Principal) -> None:
    """A link shows a client's appointments in all businesses."""
    if principal.is_limited:
        raise NotYourClientError("Links of clients are for those who may see all businesses.")


async def _shown_to(
    dependencies: Dependencies, principal: Principal, client_id: UUID, appointment_id: UUID | None
) -> tuple[PortalClient, ShownAppointment | None]:
    """As booking knows them, the client being whom a duplicate was merged into.

    Raises NotFoundError for a client or appointment that nothing could be shown of.
    """
    visitor = Visitor(organization_id=principal.organization_id, client_id=client_id)
    try:
        if appointment_id is None:
            client, _ = await dependencies.portal.appointments(visitor)
            return client, None
        client, appointment = await dependencies.portal.appointment(visitor, appointment_id)
    except PortalRefusedError as error:
        raise NotFoundError("There is no such client, or no appointment that is shared with them.") from error
    return client, ShownAppointment(id=appointment.id, starts_at=appointment.starts_at)


async def _person(dependencies: Dependencies, principal: Principal, client_id: UUID) -> UUID:
    """Whom a duplicate was merged into. The client themselves where booking knows of nobody, or does not answer:
    what ends links does not wait for it.
    """
    try:
        client, _ = await dependencies.portal.appointments(
            Visitor(organization_id=principal.organization_id, client_id=client_id)
        )
    except (PortalRefusedError, TransientError):
        return client_id
    return client.id

"""Links of clients, and what all answers to them have in common."""

from datetime import datetime, timedelta
from uuid import UUID

import httpx2
from dashboard_tenant import Json, Tenant
from portal_services import PortalServices

from slotstream_servicekit.client_links import ClientLink, LinkSealer, ShownAppointment


def sealer_of(tenant: Tenant) -> LinkSealer:
    return LinkSealer([key.get_secret_value() for key in tenant.settings.link_keys])


def a_link(tenant: Tenant, services: PortalServices, appointment: Json | None) -> ClientLink:
    shown = None
    if appointment is not None:
        starts_at = datetime.fromisoformat(appointment["starts_at"])
        shown = ShownAppointment(id=UUID(appointment["id"]), starts_at=starts_at)
    return ClientLink(
        organization_id=services.organization_id,
        client_id=services.client_id,
        issued_at=tenant.now,
        expires_at=tenant.now + timedelta(days=30),
        appointment=shown,
    )


def path_of(tenant: Tenant, services: PortalServices, appointment: Json | None = None) -> str:
    return "/p/" + sealer_of(tenant).seal(a_link(tenant, services, appointment))


def place_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def is_private(answer: httpx2.Response) -> bool:
    names = ("referrer-policy", "x-robots-tag", "cache-control")
    return [answer.headers[name] for name in names] == ["no-referrer", "noindex, nofollow", "no-store"]

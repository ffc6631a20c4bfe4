"""Links in messages, by which clients see and change what is shared with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.waiting_list import WaitingListEntry
from slotstream_servicekit.client_links import ClientLink, LinkSealer, ShownAppointment, link_address

_KEPT_AFTER_THE_END: Final = timedelta(days=7)
"""How long a link in a message works after its appointment, or after a message that comes later: for the choice of
messages."""
_UNSUBSCRIBED_WITHIN: Final = timedelta(days=30)
"""How long a mail can be unsubscribed by: what 15 U.S.C. 7704(a)(3) asks of such an address."""


class PortalLinks:
    """Makes the links of messages; `portal_url` is where browsers find the dashboard."""

    def __init__(self, keys: Sequence[str], portal_url: str) -> None:
        self._sealer = LinkSealer(keys)
        self._portal_url = portal_url

    @property
    def profile(self) -> str:
        """Where users choose what they are sent."""
        return f"{self._portal_url.rstrip('/')}/settings/profile"

    @property
    def channels(self) -> str:
        """Where administrators set accounts of the organization's own."""
        return f"{self._portal_url.rstrip('/')}/settings/channels"

    def addresses(
        self, appointment: Appointment, *, client_id: UUID, asks_confirmation: bool, now: datetime
    ) -> Mapping[str, str]:
        """The values of the variables `links`. None of an appointment that is not shared with the client."""
        if not appointment.share_with_client:
            return {}
        link = ClientLink(
            organization_id=appointment.organization_id,
            client_id=client_id,
            issued_at=now.replace(microsecond=0),
            expires_at=max(appointment.ends_at, now).replace(microsecond=0) + _KEPT_AFTER_THE_END,
            appointment=ShownAppointment(id=appointment.id, starts_at=appointment.starts_at),
        )
        address = link_address(self._portal_url, self._sealer.seal(link))
        links = {"preferences": f"{address}/preferences"}
        if appointment.is_active:
            links["appointment"] = address
            if asks_confirmation and appointment.status == "scheduled":
                links["confirm"] = address
        return links

    def unsubscribe_address(self, organization_id: UUID, client_id: UUID, *, now: datetime) -> str:
        """Where a mail program stops reminders by one click. Empty without https, which that asks for (RFC 8058 §3)."""
        if not self._portal_url.startswith("https://"):
            return ""
        link = ClientLink(
            organization_id=organization_id,
            client_id=client_id,
            issued_at=now.replace(microsecond=0),
            expires_at=now.replace(microsecond=0) + _UNSUBSCRIBED_WITHIN,
        )
        return f"{link_address(self._portal_url, self._sealer.seal(link))}/unsubscribe"

    def offer_addresses(self, entry: WaitingListEntry, *, client_id: UUID, now: datetime) -> Mapping[str, str]:
        """Where the client takes or declines the slot that is held for them."""
        if entry.offer_id is None:
            return {}
        until = (entry.offer_expires_at or now).replace(microsecond=0)
        link = ClientLink(
            organization_id=entry.organization_id,
            client_id=client_id,
            issued_at=now.replace(microsecond=0),
            expires_at=until + _KEPT_AFTER_THE_END,
        )
        address = link_address(self._portal_url, self._sealer.seal(link))
        return {"offer": f"{address}/offers/{entry.offer_id}", "preferences": f"{address}/preferences"}

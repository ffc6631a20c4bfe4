"""What the endpoints work with, made once in main, and the rights that they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, cast
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.accounts import OwnAccounts
from notifications.adapters.email import ReplyAddresses
from notifications.adapters.push import VapidKey
from notifications.domain.calls import CallPolicy
from notifications.domain.channels import Channels
from notifications.domain.errors import ChannelUnavailableError
from notifications.domain.messages import Channel
from notifications.domain.opt_outs import NumberDigests
from notifications.storage import AppointmentStore, CatalogueStore
from notifications.usecases.channel_accounts import AccountRules, read_channels
from notifications.usecases.preferences import read_stops
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.http.auth import Principal, Right, requires
from slotstream_servicekit.http.callers import context_of
from slotstream_servicekit.http.public_addresses import Network
from slotstream_servicekit.projections import wait_until

INBOUND_PATH: Final = "/v1/providers/twilio/inbound-sms"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMailDoor:
    """How mails come in: by this secret, to these addresses, at most so long. `own_domain`: where ours come from."""

    secret: str
    addresses: ReplyAddresses
    own_domain: str
    most_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """`channels` are those that are configured: what needs another one is refused.

    Calls of Twilio are checked by `twilio_token` and the address that it was given; without both all are refused.
    `accounts` opens organizations' own, by whose tokens their calls are checked.
    `push_key` is what browsers subscribe with, None where nothing is pushed; `push_networks` are those of one's own
    that push services may be in.
    """

    database: Database
    channels: Channels
    numbers: NumberDigests
    twilio_token: str | None
    twilio_callback_url: str | None
    calls: CallPolicy
    catalogue_wait: timedelta
    clock: Clock
    accounts: OwnAccounts
    account_rules: AccountRules
    push_key: VapidKey | None = None
    push_networks: tuple[Network, ...] = ()
    inbound_mail: InboundMailDoor | None = None

    def require_inbound_mail(self) -> InboundMailDoor:
        """Raises ChannelUnavailableError where no mail comes in."""
        if self.inbound_mail is None:
            raise ChannelUnavailableError("No mail comes in: it is not configured")
        return self.inbound_mail

    def require_push(self) -> VapidKey:
        """Raises ChannelUnavailableError where nothing is pushed."""
        if self.push_key is None:
            raise ChannelUnavailableError("Nothing can be sent by push: it is not configured")
        return self.push_key

    def context_of(self, principal: Principal) -> Context:
        return context_of(principal, now=self.clock())

    async def channels_of(self, session: AsyncSession, principal: Principal) -> Channels:
        """What the caller's organization sends by: its own accounts, and the installation's for the rest."""
        organization_id = principal.organization_id
        known = await read_channels(session=session, channels=self.channels, organization_ids=[organization_id])
        return known.of(organization_id)

    def inbound_sms_url(self, organization_id: UUID) -> str | None:
        """Where Twilio tells what comes in at an organization's own number; None where it does not reach us."""
        base = self.twilio_callback_url
        return f"{base.rstrip('/')}{INBOUND_PATH}?organization={organization_id}" if base is not None else None

    async def stops_of(
        self, session: AsyncSession, principal: Principal, client_id: UUID
    ) -> Mapping[Channel, datetime]:
        return await read_stops(
            session=session, organization_id=principal.organization_id, client_id=client_id, numbers=self.numbers
        )

    async def wait_for_item(self, organization_id: UUID, kind: str, item_id: UUID | None) -> None:
        """Gives a business or service that was created a moment ago the time to arrive. The use case decides."""

        async def is_known() -> bool:
            async with self.database.transaction(organization_id) as session:
                return item_id is None or await CatalogueStore(session).get(organization_id, kind, item_id) is not None

        if item_id is not None:
            await wait_until(is_known, within=self.catalogue_wait)

    async def wait_for_appointment(self, principal: Principal, appointment_id: UUID) -> None:
        """The same for an appointment, as far as the caller may see it."""

        async def is_known() -> bool:
            async with self.database.transaction(principal) as session:
                return await AppointmentStore(session).get(principal.organization_id, appointment_id) is not None

        await wait_until(is_known, within=self.catalogue_wait)


async def _dependencies(request: Request) -> Dependencies:
    return cast("Dependencies", request.app.state.dependencies)


CurrentDependencies = Annotated[Dependencies, Depends(_dependencies)]

Reader = Annotated[Principal, requires(Right.READ_MESSAGES)]
Sender = Annotated[Principal, requires(Right.SEND_MESSAGES)]
TemplateWriter = Annotated[Principal, requires(Right.WRITE_TEMPLATES)]
Administrator = Annotated[Principal, requires(Right.ADMINISTER)]
ClientWriter = Annotated[Principal, requires(Right.WRITE_CLIENTS)]
PortalClient = Annotated[Principal, requires(Right.USE_PORTAL)]

"""A notification channel: one way to reach people, such as e-mail."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.channel_accounts import ChannelAccount
from notifications.domain.contacts import CatalogueItem, Contact
from notifications.domain.errors import ChannelUnavailableError
from notifications.domain.mail_domains import DomainLimits
from notifications.domain.mail_replies import ReplyAddress
from notifications.domain.messages import Channel, Message
from notifications.domain.push import PushSubscription
from notifications.domain.quiet_hours import QuietHours
from notifications.domain.series import Occurrence, ToldSeries
from notifications.domain.templates import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A message that may be sent, with all that a channel needs to write it.

    `appointment` is as the message tells it, and `location` where it takes place. `text` is filled in and in
    `language` (BCP 47); `address` is the one that the channel picked of `recipient`.
    """

    message: Message
    appointment: Appointment
    business: CatalogueItem
    client_name: str
    recipient: Contact
    address: str
    location: str
    text: Text
    language: str
    series: ToldSeries | None = None
    """Of a message about a series as a whole."""
    occurrence: Occurrence | None = None
    """Where the appointment is one date of a series that calendars know as one."""
    links: Sequence[str] = ()
    """The addresses in the text that let whoever has them act as the client."""
    opens: str = ""
    """The page of the recipient's that the message leads to, where a channel has a use for one; empty for none."""
    may_ask: bool = False
    """Whether the client is to be asked for an answer, on a channel where they can give one."""
    confirms_at: str = ""
    """The page on which they answer, for a channel where they cannot; empty where there is none."""
    unsubscribes_at: str = ""
    """Where a mail program unsubscribes the recipient by one click; empty where that does not cover the message."""
    first_mail: Message | None = None
    """The first mail to the same address about the same: what this one follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Finished content for one address. `reference` is the same whenever the same message is composed."""

    address: str
    reference: str
    content: bytes
    asks: bool = False
    """Whether it asks to be answered."""
    text: str | None = None
    """For the ledger: what the recipient reads, with links that open nothing."""
    segments: int | None = None
    """Of an SMS: how many parts it is sent in."""
    devices: tuple[PushSubscription, ...] = ()
    """Of a push message: the browsers that it goes to."""
    lifetime: timedelta = timedelta()
    """Of a push message: how long a push service keeps it for a browser that is not there."""
    answered_at: ReplyAddress | None = None
    """Of a mail: where the recipient, or their calendar, answers it."""
    calendar_sequence: int | None = None
    """Of a mail with an invitation: the revision that calendars are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a provider says when it takes a message; `segments` and the cost where it tells them."""

    provider_id: str
    segments: int | None = None
    cost_amount: Decimal | None = None
    cost_currency: str | None = None
    gone: tuple[UUID, ...] = ()
    """Push subscriptions that their service does not know any more."""


def without_links(text: str, links: Sequence[str]) -> str:
    """The text as the ledger keeps it: nobody who reads that acts as the client."""
    for link in sorted(links, key=len, reverse=True):
        text = text.replace(link, f"{link.partition('/p/')[0]}/...")
    return text


NO_ADDRESS: Final = "no_address"
LANDLINE: Final = "landline"
"""Why a message was suppressed whose recipient cannot be reached on its channel."""


class InvalidAddressError(Exception):
    """Nothing can be sent to this address, ever."""


class LandlineError(InvalidAddressError):
    """The number is a landline's, where texts do not arrive."""


class DeliveryError(Exception):
    """A message was not accepted, or may not have been. `code` is stable; `detail` holds no address and no text."""

    gone: tuple[UUID, ...] = ()
    """Push subscriptions that their service does not know any more."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class RefusedForNowError(DeliveryError):
    """Not accepted, but a later attempt may be: the message is planned again, not before `wait` has passed.

    `of_account`: it is about our account or the way to the provider, and would meet every other message as well.
    `of_domain`: the recipient's mail domain asks to be sent less, and would refuse every other message to it as well.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        wait: timedelta | None = None,
        of_account: bool = False,
        of_domain: bool = False,
    ) -> None:
        super().__init__(code, detail)
        self.wait = wait or timedelta()
        self.of_account = of_account
        self.of_domain = of_domain


class RefusedForGoodError(DeliveryError):
    """Not accepted, and it never will be: the message has failed."""


class RecipientOptedOutError(DeliveryError):
    """Not accepted, since the recipient has told the provider to stop: the message is suppressed."""


class OutcomeUnknownError(DeliveryError):
    """The content was on its way when the connection ended: the message is `unknown` and never sent again by itself."""


class NotHandedOverError(Exception):
    """`may_hand_over` said no; nothing was sent."""


class NotificationChannel(Protocol):
    """What planning, the ledger and the sender need of a channel. They know nothing else of it."""

    @property
    def name(self) -> Channel: ...

    @property
    def longest_hand_over(self) -> timedelta:
        """The time from `may_hand_over` to the outcome, at most. After that an outcome will not come any more."""
        ...

    def address_of(self, contact: Contact) -> str | None:
        """The address that this channel writes to; None where the contact has none.

        Raises InvalidAddressError where nothing can be sent to the one it has.
        """
        ...

    def compose(self, notification: Notification, *, now: datetime) -> Outgoing:
        """The finished content. Pure: the same notification gives the same `reference`."""
        ...

    async def send(self, outgoing: Outgoing, *, may_hand_over: Callable[[], Awaitable[bool]]) -> Receipt:
        """Hands the content over and returns the provider's receipt for it.

        `may_hand_over` is asked once, when the provider is ready for the content, and records the attempt: up to
        then nothing can have been accepted. Raises NotHandedOverError where it says no, else one of the
        DeliveryErrors, and no other error.
        """
        ...

    async def aclose(self) -> None: ...


def may_reach(channel: NotificationChannel, contact: CatalogueItem) -> bool:
    """Staff without an address on a channel are not on the ledger; those with a bad one are, so that it is seen."""
    try:
        return channel.address_of(contact.contact) is not None
    except InvalidAddressError:
        return True


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """A channel that goes out by an organization's own account."""

    channel: NotificationChannel
    account: ChannelAccount


class AccountChannels(Protocol):
    """Makes channels of organizations' own accounts, and keeps what they have open."""

    def channels_of(self, account: ChannelAccount) -> Sequence[OwnChannel]:
        """Those that go out by it. Of one whose secrets no key opens: channels that refuse whatever they are given."""
        ...

    async def aclose(self) -> None: ...


class Channels:
    """The channels that are configured.

    `immediate` are those that news goes out on without being asked for, `subscribed` those that it goes out on to
    whoever has subscribed. `quiet` has the hours in which nobody is reached on a channel, where an organization has not
    set its own, and `per_minute` how much one organization may send. `domains`: how much the installation's mail server
    sends to one domain. `accounts` makes channels of organizations' own
    accounts; `of` tells what one organization sends by, once `with_own` has said so.
    """

    def __init__(
        self,
        channels: Sequence[NotificationChannel],
        *,
        immediate: Sequence[Channel],
        subscribed: Sequence[Channel] = (Channel.PUSH,),
        quiet: Mapping[Channel, QuietHours] | None = None,
        per_minute: Mapping[Channel, int] | None = None,
        domains: DomainLimits | None = None,
        accounts: AccountChannels | None = None,
        own_accounts: Mapping[Channel, ChannelAccount] | None = None,
        organizations: Mapping[UUID, Sequence[OwnChannel]] | None = None,
    ) -> None:
        self.accounts = accounts
        self.domains = domains
        self._own_accounts = own_accounts or {}
        self._organizations = organizations or {}
        self._by_name = {channel.name: channel for channel in channels}
        self._quiet = quiet or {}
        self._per_minute = per_minute or {}
        self.immediate = [self._by_name[name] for name in immediate if name in self._by_name]
        self.subscribed = [
            self._by_name[name] for name in subscribed if name in self._by_name and name not in immediate
        ]

    def __iter__(self) -> Iterator[NotificationChannel]:
        return iter(self._by_name.values())

    @property
    def names(self) -> frozenset[Channel]:
        return frozenset(self._by_name)

    def get(self, name: Channel) -> NotificationChannel | None:
        return self._by_name.get(name)

    def require(self, name: Channel) -> NotificationChannel:
        """Raises ChannelUnavailableError where nothing can be sent on it."""
        require_channel(name, self.names)
        return self._by_name[name]

    def with_own(self, own: Mapping[UUID, Sequence[OwnChannel]]) -> "Channels":
        """The same, with what these organizations have of their own."""
        return self._with(self._by_name, {}, own) if own else self

    def of(self, organization_id: UUID) -> "Channels":
        """What this organization sends by: its own accounts, and the installation's for the rest."""
        own = self._organizations.get(organization_id)
        if not own:
            return self
        its = {**self._by_name, **{each.channel.name: each.channel for each in own}}
        return self._with(its, {each.channel.name: each.account for each in own}, {organization_id: own})

    def account_of(self, name: Channel) -> ChannelAccount | None:
        """The organization's own by which the channel goes out; None for the installation's."""
        return self._own_accounts.get(name)

    def _with(
        self,
        by_name: Mapping[Channel, NotificationChannel],
        own_accounts: Mapping[Channel, ChannelAccount],
        organizations: Mapping[UUID, Sequence[OwnChannel]],
    ) -> "Channels":
        return Channels(
            list(by_name.values()),
            immediate=[channel.name for channel in self.immediate],
            subscribed=[channel.name for channel in self.subscribed],
            quiet=self._quiet,
            per_minute=self._per_minute,
            domains=self.domains,
            accounts=self.accounts,
            own_accounts=own_accounts,
            organizations=organizations,
        )

    def per_minute_of(self, name: Channel) -> int:
        """How much an organization may send on it; 0: whatever it has."""
        return self._per_minute.get(name, 0)

    def quiet_hours_of(self, name: Channel) -> QuietHours | None:
        return self._quiet.get(name)


def require_channel(name: Channel, configured: frozenset[Channel]) -> None:
    """Raises ChannelUnavailableError where nothing can be sent on the channel `name`."""
    if name not in configured:
        known = ", ".join(sorted(configured)) or "none"
        raise ChannelUnavailableError(f"Nothing can be sent by {name}: configured are {known}")

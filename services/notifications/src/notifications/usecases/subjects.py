"""What claimed messages are about, as it is known now: read once for a batch."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.templates import fitting_locales
from notifications.domain.appointments import Appointment, AppointmentTexts
from notifications.domain.contacts import CatalogueItem, Client, Preference
from notifications.domain.messages import OF_SERIES, Audience, Channel, Kind, Message
from notifications.domain.opt_outs import STOPPED_BY_NUMBER, NumberDigests
from notifications.domain.quiet_hours import QuietHours
from notifications.domain.series import Series
from notifications.domain.templates import Template
from notifications.domain.users import StaffPreferences, User
from notifications.domain.waiting_list import WaitingListEntry
from notifications.storage import (
    AppointmentStore,
    AppointmentTextStore,
    CatalogueStore,
    ClientStore,
    Devices,
    MessageHistoryStore,
    OptOutStore,
    PreferenceStore,
    PushSubscriptionStore,
    QuietHoursStore,
    SeriesStore,
    StaffPreferenceStore,
    TemplateStore,
    ThreadStore,
    UserStore,
    WaitingListStore,
    WithdrawalStore,
)
from notifications.storage.opt_outs import OwnOptOuts
from notifications.storage.users import UserKey
from notifications.storage.withdrawals import OrderKey


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSubjects:
    """What a batch of messages is about: appointments, people, businesses and templates, by organization and id."""

    appointments: Mapping[tuple[UUID, UUID], Appointment]
    texts: Mapping[tuple[UUID, UUID], AppointmentTexts]
    series: Mapping[tuple[UUID, UUID], Series]
    clients: Mapping[tuple[UUID, UUID], Client]
    erased_clients: frozenset[UUID]
    catalogue: Mapping[tuple[UUID, str, UUID], CatalogueItem]
    preferences: Mapping[tuple[UUID, UUID], Preference]
    templates: Sequence[Template]
    """Those that may be chosen for a message of the batch."""
    named_templates: Mapping[tuple[UUID, UUID], Template]
    numbers: NumberDigests
    opted_out_numbers: frozenset[str]
    """Digests, of the numbers that the batch's texts may go to."""
    own_opt_outs: OwnOptOuts
    """The same, of those who have stopped an organization's own sender."""
    browsers: Mapping[tuple[UUID, UUID], Devices]
    """Of the clients whom push messages of the batch may go to, and of staff by their users."""
    user_browsers: Mapping[tuple[UUID, str], Devices]
    users: Mapping[UserKey, User]
    """Of the staff that the batch goes to, as far as they are known."""
    removed_users: frozenset[UserKey]
    staff_preferences: Mapping[UserKey, StaffPreferences]
    """Of those users who have chosen something."""
    quiet_hours: Mapping[tuple[UUID, Channel], QuietHours]
    """Of organizations that have set their own."""
    offers: Mapping[tuple[UUID, UUID], WaitingListEntry]
    """By organization and offer, who has been offered the slots that messages of the batch tell of."""
    told: frozenset[tuple[UUID, UUID, UUID]]
    """Organization, appointment and client, of those whom an appointment was taken away from: who had heard of it."""
    repeated: frozenset[tuple[UUID, UUID]]
    """Organization and id of those reminders of the batch that another one at the same instant stands for."""
    first_mails: Mapping[tuple[UUID, UUID], Mapping[str, Message]]
    """By organization and message, of mails: the first about the same to the same recipient, by its address."""
    withdrawn_orders: frozenset[OrderKey]
    """Of the bulk orders that messages of the batch are of: those of which nothing more is sent."""
    last_told: Mapping[tuple[UUID, UUID], datetime]
    """By organization and message, of those that tell a client of a move: the start that they were told of last."""

    def has_stopped(self, organization_id: UUID, number: str) -> bool:
        """Whether the number has stopped the shared sender, or the organization's own."""
        digests = self.numbers.of(number)
        is_own = any((organization_id, digest) in self.own_opt_outs for digest in digests)
        return is_own or not self.opted_out_numbers.isdisjoint(digests)


async def read_subjects(
    *, session: AsyncSession, messages: Sequence[Message], numbers: NumberDigests
) -> MessageSubjects:
    appointments = await AppointmentStore(session).get_all(
        {
            (message.organization_id, message.appointment_id)
            for message in messages
            if message.kind is not Kind.SLOT_OFFERED
        }
    )
    offers = await WaitingListStore(session).of_offers(
        {(message.organization_id, message.appointment_id) for message in messages if message.kind is Kind.SLOT_OFFERED}
    )
    client_keys = {
        (message.organization_id, client_id)
        for message in messages
        if (client_id := client_id_of(message, appointments.get((message.organization_id, message.appointment_id))))
    }
    clients = await ClientStore(session).get_all(client_keys)
    items = {
        (appointment.organization_id, "business", appointment.business_id) for appointment in appointments.values()
    }
    items |= {
        (appointment.organization_id, "service", appointment.service_id)
        for appointment in appointments.values()
        if appointment.service_id
    }
    items |= {
        (offer.organization_id, kind, item_id)
        for offer in offers.values()
        for kind, item_id in (("business", offer.business_id), ("service", offer.service_id))
    }
    items |= {(message.organization_id, "resource", message.resource_id) for message in messages if message.resource_id}
    survivors = {(client.organization_id, client.id) for client in clients.values()}
    named = {(message.organization_id, message.template_id) for message in messages if message.template_id}
    templates = TemplateStore(session)
    catalogue = await CatalogueStore(session).get_all(items)
    staff_users = {(item.organization_id, item.user_id) for item in catalogue.values() if item.user_id}
    staff_users |= {(message.organization_id, message.user_id) for message in messages if message.user_id}
    users = await UserStore(session).get_all(staff_users)
    opted_out_numbers, own_opt_outs = await _opted_out(
        session, messages, [*clients.values(), *catalogue.values()], numbers
    )
    return MessageSubjects(
        appointments=appointments,
        series=await _series(session, messages),
        texts=await AppointmentTextStore(session).get_all(
            key for key, appointment in appointments.items() if appointment.has_texts
        ),
        clients=clients,
        erased_clients=await ClientStore(session).erased({client_id for _, client_id in client_keys - clients.keys()}),
        catalogue=catalogue,
        preferences=await PreferenceStore(session).get_all(client_keys | survivors),
        templates=await templates.fitting(
            {(message.organization_id, message.kind, message.audience, message.channel) for message in messages},
            business_ids={item_id for _, kind, item_id in items if kind == "business"},
            locales=fitting_locales(
                [
                    *(client.locale for client in clients.values()),
                    *(item.locale for item in catalogue.values()),
                    *(user.locale for user in users.values()),
                ]
            ),
        ),
        named_templates=await templates.named(named) if named else {},
        numbers=numbers,
        quiet_hours=await QuietHoursStore(session).of_organizations({message.organization_id for message in messages}),
        offers=offers,
        told=await _told(session, messages),
        repeated=await _repeated(session, messages),
        first_mails=await _first_mails(session, messages),
        withdrawn_orders=await WithdrawalStore(session).withdrawn(
            {(message.organization_id, message.order_id) for message in messages if message.order_id is not None}
        ),
        last_told=await _last_told(session, messages),
        opted_out_numbers=opted_out_numbers,
        own_opt_outs=own_opt_outs,
        browsers=await PushSubscriptionStore(session).of_clients(survivors if _pushes(messages) else ()),
        user_browsers=await PushSubscriptionStore(session).of_users(staff_users if _pushes(messages) else ()),
        users=users,
        removed_users=await UserStore(session).removed(staff_users),
        staff_preferences=await StaffPreferenceStore(session).get_all(staff_users),
    )


def _pushes(messages: Sequence[Message]) -> bool:
    return any(message.channel is Channel.PUSH for message in messages)


async def _series(session: AsyncSession, messages: Sequence[Message]) -> dict[tuple[UUID, UUID], Series]:
    """The series that the messages are about, with the dates of each as their own newest states have them."""
    known = await SeriesStore(session).get_all(
        {(message.organization_id, message.series_id) for message in messages if message.series_id}
    )
    whole = {(message.organization_id, message.series_id) for message in messages if message.kind in OF_SERIES}
    chains = {chain for key, series in known.items() if key in whole for chain in series.chains}
    appointments: dict[UUID, list[Appointment]] = defaultdict(list)
    for appointment in await AppointmentStore(session).of_chains(chains):
        appointments[appointment.organization_id].append(appointment)
    return {
        key: series.as_known(appointments[series.organization_id]) if key in whole else series
        for key, series in known.items()
    }


async def _told(session: AsyncSession, messages: Sequence[Message]) -> frozenset[tuple[UUID, UUID, UUID]]:
    withdrawn = {
        (message.organization_id, message.appointment_id, message.client_id)
        for message in messages
        if message.kind is Kind.WITHDRAWN and message.client_id is not None
    }
    return await MessageHistoryStore(session).told(withdrawn) if withdrawn else frozenset()


async def _repeated(session: AsyncSession, messages: Sequence[Message]) -> frozenset[tuple[UUID, UUID]]:
    reminders = [message for message in messages if message.kind is Kind.REMINDER]
    return await MessageHistoryStore(session).repeated(reminders) if reminders else frozenset()


async def _last_told(session: AsyncSession, messages: Sequence[Message]) -> Mapping[tuple[UUID, UUID], datetime]:
    moved = {
        (message.organization_id, message.id)
        for message in messages
        if message.kind is Kind.RESCHEDULED and message.audience is Audience.CLIENT
    }
    return await MessageHistoryStore(session).last_told(moved) if moved else {}


async def _first_mails(
    session: AsyncSession, messages: Sequence[Message]
) -> Mapping[tuple[UUID, UUID], Mapping[str, Message]]:
    mails = [message for message in messages if message.channel is Channel.EMAIL and message.about is not None]
    return await ThreadStore(session).first_mails(mails) if mails else {}


async def _opted_out(
    session: AsyncSession,
    messages: Sequence[Message],
    recipients: Sequence[Client | CatalogueItem],
    numbers: NumberDigests,
) -> tuple[frozenset[str], OwnOptOuts]:
    texted = {message.organization_id for message in messages if message.channel in STOPPED_BY_NUMBER}
    if not texted:
        return frozenset(), frozenset()
    digests = {digest for recipient in recipients if recipient.phone for digest in numbers.of(recipient.phone)}
    store = OptOutStore(session)
    return await store.blocked(digests), await store.own_blocked(texted, digests)


def client_id_of(message: Message, appointment: Appointment | None) -> UUID | None:
    return message.client_id or (appointment.client_id if appointment is not None else None)

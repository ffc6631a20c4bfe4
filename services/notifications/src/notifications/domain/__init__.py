"""What is true of messages: who is told what and when, and when it is too late to tell."""

from notifications.domain.appointments import ACTIVE_STATUSES, Appointment, AppointmentChange, Staff
from notifications.domain.channels import (
    Channels,
    DeliveryError,
    InvalidAddressError,
    NotHandedOverError,
    Notification,
    NotificationChannel,
    OutcomeUnknownError,
    Outgoing,
    RefusedForGoodError,
    RefusedForNowError,
    require_channel,
)
from notifications.domain.contacts import CatalogueItem, Client, Contact, Preference
from notifications.domain.errors import (
    AppointmentInactiveError,
    BusinessUnknownError,
    ChannelUnavailableError,
    DuplicateError,
    ReminderInThePastError,
    ReminderLevelError,
    ServiceUnknownError,
    TemplateRefusedError,
)
from notifications.domain.messages import Audience, Channel, Draft, Kind, Message, MessageRequest, Status
from notifications.domain.planning import (
    NEED_ACTIVE,
    due_reminders,
    ended_appointments,
    immediate_messages,
    requested_message,
    rules_for,
    suppression_reason,
)
from notifications.domain.reminders import Reminder, ReminderRule
from notifications.domain.retries import RetryPolicy
from notifications.domain.templates import Template, Text

__all__ = [
    "ACTIVE_STATUSES",
    "NEED_ACTIVE",
    "Appointment",
    "AppointmentChange",
    "AppointmentInactiveError",
    "Audience",
    "BusinessUnknownError",
    "CatalogueItem",
    "Channel",
    "ChannelUnavailableError",
    "Channels",
    "Client",
    "Contact",
    "DeliveryError",
    "Draft",
    "DuplicateError",
    "InvalidAddressError",
    "Kind",
    "Message",
    "MessageRequest",
    "NotHandedOverError",
    "Notification",
    "NotificationChannel",
    "OutcomeUnknownError",
    "Outgoing",
    "Preference",
    "RefusedForGoodError",
    "RefusedForNowError",
    "Reminder",
    "ReminderInThePastError",
    "ReminderLevelError",
    "ReminderRule",
    "RetryPolicy",
    "ServiceUnknownError",
    "Staff",
    "Status",
    "Template",
    "TemplateRefusedError",
    "Text",
    "due_reminders",
    "ended_appointments",
    "immediate_messages",
    "requested_message",
    "require_channel",
    "rules_for",
    "suppression_reason",
]

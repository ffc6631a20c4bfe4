"""What notifications remembers."""

from notifications.storage.agendas import AgendaStore
from notifications.storage.appointments import AppointmentStore, AppointmentTextStore
from notifications.storage.channel_accounts import ChannelAccountStore
from notifications.storage.decisions import DecisionStore
from notifications.storage.delivery import Claimed, DeliveryStore, Settlement
from notifications.storage.follow_ups import FollowUpRuleStore
from notifications.storage.inbound import InboundFilter, InboundStore, Verdict
from notifications.storage.ledger import Ledger, MessageFilter
from notifications.storage.mail_domains import Line, MailDomainStore
from notifications.storage.mail_replies import GivenAddress, MailReplyStore
from notifications.storage.message_history import MessageHistoryStore
from notifications.storage.messages import PLANNED_CHANNEL, MessageStore, Stop
from notifications.storage.opt_outs import OptOutStore
from notifications.storage.organization_channels import OrganizationChannelStore
from notifications.storage.preferences import PreferenceStore
from notifications.storage.projections import CatalogueStore, ClientStore
from notifications.storage.push import Devices, PushSubscriptionStore
from notifications.storage.quiet_hours import QuietHoursStore
from notifications.storage.reminders import ReminderRuleStore, ReminderStore
from notifications.storage.replans import ReplanStore
from notifications.storage.reports import Report, ReportStore
from notifications.storage.rule_applications import RuleApplicationStore
from notifications.storage.send_limits import SendLimitStore
from notifications.storage.series import SeriesStore
from notifications.storage.staff_reminders import StaffReminderStore
from notifications.storage.templates import TemplateStore
from notifications.storage.threads import ThreadStore
from notifications.storage.unaddressed import UnaddressedStore
from notifications.storage.users import StaffPreferenceStore, UserStore
from notifications.storage.waiting_list import WaitingListStore
from notifications.storage.withdrawals import WithdrawalStore

__all__ = [
    "PLANNED_CHANNEL",
    "AgendaStore",
    "AppointmentStore",
    "AppointmentTextStore",
    "CatalogueStore",
    "ChannelAccountStore",
    "Claimed",
    "ClientStore",
    "DecisionStore",
    "DeliveryStore",
    "Devices",
    "FollowUpRuleStore",
    "GivenAddress",
    "InboundFilter",
    "InboundStore",
    "Ledger",
    "Line",
    "MailDomainStore",
    "MailReplyStore",
    "MessageFilter",
    "MessageHistoryStore",
    "MessageStore",
    "OptOutStore",
    "OrganizationChannelStore",
    "PreferenceStore",
    "PushSubscriptionStore",
    "QuietHoursStore",
    "ReminderRuleStore",
    "ReminderStore",
    "ReplanStore",
    "Report",
    "ReportStore",
    "RuleApplicationStore",
    "SendLimitStore",
    "SeriesStore",
    "Settlement",
    "StaffPreferenceStore",
    "StaffReminderStore",
    "Stop",
    "TemplateStore",
    "ThreadStore",
    "UnaddressedStore",
    "UserStore",
    "Verdict",
    "WaitingListStore",
    "WithdrawalStore",
]

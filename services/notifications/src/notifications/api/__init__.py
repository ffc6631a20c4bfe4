"""What notifications answers over HTTP."""

from notifications.api.calls import router as calls_router
from notifications.api.channel_accounts import router as channel_accounts_router
from notifications.api.channels import router as channels_router
from notifications.api.dependencies import Dependencies, InboundMailDoor
from notifications.api.follow_up_rules import router as follow_up_rules_router
from notifications.api.inbound_mail import router as inbound_mail_router
from notifications.api.inbound_messages import router as inbound_messages_router
from notifications.api.messages import router as messages_router
from notifications.api.portal import router as portal_router
from notifications.api.preferences import router as preferences_router
from notifications.api.providers import router as providers_router
from notifications.api.push import portal_router as portal_push_router
from notifications.api.push import router as push_router
from notifications.api.quiet_hours import router as quiet_hours_router
from notifications.api.reminder_rules import router as reminder_rules_router
from notifications.api.reminders import router as reminders_router
from notifications.api.rule_applications import router as rule_applications_router
from notifications.api.send_limits import router as send_limits_router
from notifications.api.staff_preferences import router as staff_preferences_router
from notifications.api.templates import router as templates_router

ROUTERS = (
    templates_router,
    reminder_rules_router,
    rule_applications_router,
    follow_up_rules_router,
    reminders_router,
    messages_router,
    inbound_messages_router,
    channels_router,
    channel_accounts_router,
    quiet_hours_router,
    send_limits_router,
    preferences_router,
    staff_preferences_router,
    portal_router,
    push_router,
    portal_push_router,
    providers_router,
    calls_router,
    inbound_mail_router,
)

__all__ = ["ROUTERS", "Dependencies", "InboundMailDoor"]

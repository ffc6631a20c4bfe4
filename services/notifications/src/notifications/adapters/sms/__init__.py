"""SMS: the channel, and the ways on which it hands texts over: Twilio, and a console for development."""

from notifications.adapters.sms.channel import SmsChannel, SmsGateway, can_be_answered
from notifications.adapters.sms.console import ConsoleSmsGateway
from notifications.adapters.sms.twilio import TwilioSmsGateway

__all__ = [
    "ConsoleSmsGateway",
    "SmsChannel",
    "SmsGateway",
    "TwilioSmsGateway",
    "can_be_answered",
]

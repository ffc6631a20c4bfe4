"""SMS: the channel, and the ways on which it hands texts over: Twilio, and a console for development."""

from notifications.adapters.sms.channel import SmsChannel, SmsGateway, can_be_answered
from notifications.adapters.sms.console import ConsoleSmsGateway
from notifications.adapters.sms.numbers import checked_number
from notifications.adapters.sms.signatures import Form, form_of, is_signed, signature_of
from notifications.adapters.sms.twilio import TwilioAccount, TwilioGateway

__all__ = [
    "ConsoleSmsGateway",
    "Form",
    "SmsChannel",
    "SmsGateway",
    "TwilioAccount",
    "TwilioGateway",
    "can_be_answered",
    "checked_number",
    "form_of",
    "is_signed",
    "signature_of",
]

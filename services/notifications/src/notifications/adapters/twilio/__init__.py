"""Twilio: what texts and calls share. Its REST API, its signatures, numbers as it takes them."""

from notifications.adapters.twilio.http import TwilioAccount, TwilioClient, cost_of, outcome_of
from notifications.adapters.twilio.numbers import checked_number, texted_number
from notifications.adapters.twilio.signatures import Form, form_of, is_signed, signature_of

__all__ = [
    "Form",
    "TwilioAccount",
    "TwilioClient",
    "checked_number",
    "cost_of",
    "form_of",
    "is_signed",
    "outcome_of",
    "signature_of",
    "texted_number",
]

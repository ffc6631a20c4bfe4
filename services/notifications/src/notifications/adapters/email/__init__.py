"""E-mail: invitations (RFC 5545, 5546), the message around them (RFC 5322), and the way to a server (RFC 5321)."""

from notifications.adapters.email.address import InvalidAddressError, checked_address
from notifications.adapters.email.ics import Invitation, invitation_of
from notifications.adapters.email.mime import Letter, mail_of, message_id_of
from notifications.adapters.email.smtp import SmtpGateway, SmtpServer

__all__ = [
    "InvalidAddressError",
    "Invitation",
    "Letter",
    "SmtpGateway",
    "SmtpServer",
    "checked_address",
    "invitation_of",
    "mail_of",
    "message_id_of",
]

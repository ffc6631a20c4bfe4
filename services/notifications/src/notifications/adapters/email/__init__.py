"""E-mail: invitations (RFC 5545, 5546), the message around them (RFC 5322), the way to a server (RFC 5321), answers."""

from notifications.adapters.email.address import checked_address
from notifications.adapters.email.channel import EmailChannel
from notifications.adapters.email.ics import Invitation, Party, write_invitation
from notifications.adapters.email.inbound import MailUnreadableError, read_mail
from notifications.adapters.email.reply_addresses import ReplyAddresses
from notifications.adapters.email.smtp import SmtpGateway, SmtpServer

__all__ = [
    "EmailChannel",
    "Invitation",
    "MailUnreadableError",
    "Party",
    "ReplyAddresses",
    "SmtpGateway",
    "SmtpServer",
    "checked_address",
    "read_mail",
    "write_invitation",
]

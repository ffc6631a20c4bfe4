"""Mail domains of recipients."""

from sqlalchemy import Column, Index, Integer, Table, Text, text

from notifications.storage.tables.base import metadata
from slotstream_servicekit.schema import instant

mail_domains = Table(
    "mail_domains",
    metadata,
    Column("domain", Text, primary_key=True),
    instant("taken_until"),
    instant("bulk_taken_until"),
    Column("refusals", Integer, nullable=False, server_default=text("0")),
    instant("rests_until", nullable=True),
    Index("mail_domains_taken_idx", "taken_until"),
    comment="How far the minutes of domains are taken, and which ask for less: of the installation's mail server.",
)

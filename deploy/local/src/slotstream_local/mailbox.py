"""The mails that the local stack caught, to list and to read."""

from email import message_from_bytes, policy

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slotstream_local.layout import Layout
from slotstream_local.smtp import mails
from slotstream_servicekit.infrastructure.processes import InfrastructureError


def show_mail(layout: Layout, console: Console, *, number: int | None) -> int:
    """List all mails, or show mail `number` with its parts."""
    caught = mails(layout.mail)
    if number is None:
        table = Table("#", "to", "subject", "file", box=None, header_style="bold")
        for index, (path, to, subject) in enumerate(caught, start=1):
            table.add_row(str(index), escape(to), escape(subject), escape(path.name))
        console.print(table if caught else f"No mail yet. It lands in {layout.mail}.")
        return 0
    if not 1 <= number <= len(caught):
        raise InfrastructureError(f"There is no mail {number}; there are {len(caught)}.")
    mail = message_from_bytes(caught[number - 1][0].read_bytes(), policy=policy.default)
    for header in ("From", "To", "Subject", "Date"):
        console.print(f"[bold]{header}:[/bold] {escape(str(mail[header]))}")
    for part in mail.walk():
        if part.get_content_type() in {"text/plain", "text/calendar"}:
            console.rule(part.get_content_type())
            console.print(escape(str(part.get_content())))
    return 0

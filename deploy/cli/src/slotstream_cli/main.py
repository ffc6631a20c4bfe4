"""The operator's command line."""

import logging
import sys

import typer

from slotstream_cli import acls, dead_letters, topics
from slotstream_cli.migrate import migrate
from slotstream_cli.openapi import openapi
from slotstream_cli.rebuild import rebuild_service
from slotstream_cli.token import rotate_key, token
from slotstream_servicekit.clock import use_pinned_zone_rules
from slotstream_servicekit.telemetry import configure_logging

app = typer.Typer(
    name="slotstream",
    help="Operate Slotstream: topics, access rights, migrations, dead letters, projections, tokens.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(topics.app, name="topics")
app.add_typer(acls.app, name="acls")
app.command("migrate")(migrate)
app.add_typer(dead_letters.app, name="dlq")
app.command("rebuild")(rebuild_service)
app.command("token")(token)
app.command("rotate-key")(rotate_key)
app.command("openapi")(openapi)


@app.callback()
def slotstream() -> None:
    """Operate Slotstream: topics, access rights, migrations, dead letters, projections, tokens."""


def main() -> None:
    """The console entry point. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 unreachable."""
    use_pinned_zone_rules()
    # The commands say in a sentence what went wrong; the libraries' own complaints would bury it.
    configure_logging("cli", "WARNING", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    app()

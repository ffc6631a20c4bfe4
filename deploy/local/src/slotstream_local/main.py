"""`slotstream-local`: the whole of Slotstream on one machine, from pinned packages."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from slotstream_local.demo import demo, running_stack
from slotstream_local.layout import Layout
from slotstream_local.mailbox import show_mail
from slotstream_local.operations import down, reset, up, up_detached
from slotstream_servicekit.clock import use_pinned_zone_rules
from slotstream_servicekit.infrastructure.processes import InfrastructureError


def main() -> None:
    """The console entry point. Exit codes: 0 done, 1 failed with a sentence that says what to do."""
    use_pinned_zone_rules()
    arguments = _parser().parse_args()
    layout = Layout(Path(arguments.state).absolute())
    console = Console(highlight=False, soft_wrap=True)
    commands: dict[str, Callable[[], int]] = {
        "up": lambda: (up_detached if getattr(arguments, "detach", False) else up)(layout, console),
        "down": lambda: down(layout, console),
        "reset": lambda: reset(layout, console),
        "mail": lambda: show_mail(layout, console, number=arguments.number),
        "demo": lambda: demo(running_stack(layout), console),
    }
    try:
        sys.exit(commands[arguments.command]())
    except InfrastructureError as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slotstream-local", description=__doc__)
    parser.add_argument(
        "--state", default=os.environ.get("SLOTSTREAM_STATE", ".slotstream"), help="the state folder (.slotstream)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start everything, or continue where the last start left off")
    start.add_argument("--detach", action="store_true", help="return once everything runs")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("reset", help="stop everything and forget all data")
    mail = commands.add_parser("mail", help="list the mails that were caught, or show one")
    mail.add_argument("number", nargs="?", type=int, help="the mail's number, as the list shows it")
    commands.add_parser("demo", help="fill the running stack with an example organization")
    return parser


if __name__ == "__main__":
    main()

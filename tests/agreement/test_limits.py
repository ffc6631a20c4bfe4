"""No request works without its caller's limits by accident: every transaction of an endpoint is given the caller."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN = {
    # Whether something that was created a moment ago has arrived; the use case is bound to the limits.
    "services/calendar-sync/src/calendar_sync/api/dependencies.py",
    "services/imports/src/imports/api/dependencies.py",
    "services/notifications/src/notifications/api/dependencies.py",
    # A feed's address is the authorization.
    "services/calendar-sync/src/calendar_sync/api/feeds.py",
    # A call's signature is the authorization: the provider of SMS and calls acts for nobody.
    "services/notifications/src/notifications/api/providers.py",
    "services/notifications/src/notifications/api/calls.py",
    "services/notifications/src/notifications/api/signed.py",
    # So is the secret that a mail server shows.
    "services/notifications/src/notifications/api/inbound_mail.py",
}
"""Endpoints with a transaction that sees the whole organization, and why."""


def transactions_of(path: Path) -> Iterator[str]:
    """What each transaction that is opened in a file is bound to."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "transaction" and node.args:
                yield ast.unparse(node.args[0])
            elif node.func.attr == "system_transaction":
                yield "everything"


def test_every_transaction_of_an_endpoint_is_bound_to_the_caller() -> None:
    """The dashboard keeps accounts, for which nobody who is limited has a right."""
    files = [path for path in ROOT.glob("services/*/src/*/api/**/*.py") if "dashboard" not in path.parts]
    assert len(files) > 40
    strangers = {
        str(path.relative_to(ROOT))
        for path in files
        for bound in transactions_of(path)
        if bound not in {"principal", "span"}
    }
    assert strangers == KNOWN

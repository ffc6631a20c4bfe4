"""Every code that a refusal can carry has a sentence of its own in each language of the dashboard.

A new code without one fails here: people would read the service's English, or the code itself.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from slotstream_scheduling import Code

ROOT: Final = Path(__file__).parents[2]
LOCALES: Final = sorted((ROOT / "services" / "dashboard" / "web" / "src" / "locales").glob("*.json"))
SOURCES: Final = [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]

OTHER_CODES: Final = {
    "PydanticCustomError": "a field's, told beside the field by the service's own words",
    "MalformedEventError": "a poison record's",
    "RefusedForNowError": "a message's, told in the ledger",
    "RefusedForGoodError": "a message's, told in the ledger",
    "OutcomeUnknownError": "a message's, told in the ledger",
    "ReadingFailedError": "a calendar's, told beside it by the service's own words",
    "GuardedHttpError": "a calendar's, told beside it by the service's own words",
}
"""What is given a code that is none of a refusal."""

CHOSEN_AT_RUN_TIME: Final = {"too_many_reschedules", "notice_passed"}
"""Written where they are chosen, and raised by another name."""

NOT_SHOWN: Final = {
    # Nobody is signed in: the page leads to where one signs in.
    "session_missing": "signs in again",
    "token_missing": "signs in again",
    "token_malformed": "signs in again",
    "token_invalid": "signs in again",
    "token_expired": "signs in again",
    # Pages that the dashboard renders itself, with texts of their own.
    "sign_in_refused": "the sign-in page",
    "sign_in_busy": "the sign-in page",
    "link_invalid": "the page of the link",
    "not_invited": "the page of the invitation",
    "portal_closed": "the portal",
    "too_many_codes": "the public booking page",
    "limited": "the portal and the public booking page",
    # Calls that no page makes.
    "invalid_client": "OAuth's token endpoint",
    "unsupported_grant_type": "OAuth's token endpoint",
    "signature_invalid": "providers' calls",
    "mail_unreadable": "mail servers' calls",
    "call_id_not_allowed": "AI agents' calls",
    "invalid_call_id": "AI agents' calls",
    "of_another_batch": "the undoing of an import, which tells of rows",
    "external_id_taken": "integrations' bookings",
    # Operators', on a terminal or in a log.
    "origin_gone": "the dead letters' command",
    "history_incomplete": "the rebuilding command",
    "rebuild_failed": "the rebuilding command",
    "most_would_go": "the rebuilding command",
    # Between services.
    "command_expired": "answers to commands",
    "overtaken": "answers to commands",
    "error": "the code of no error",
    "refused": "never without reasons, whose codes are shown",
}
"""Codes that no page of the web application shows, and where they are."""


def codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.name not in OTHER_CODES:
            yield from (text for line in node.body if (text := _assigned(line)))
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if (name.endswith("Error") or name == "Reason") and name not in OTHER_CODES:
                yield from _given(node)


def _assigned(line: ast.stmt) -> str | None:
    targets = line.targets if isinstance(line, ast.Assign) else [line.target] if isinstance(line, ast.AnnAssign) else []
    named = any(isinstance(target, ast.Name) and target.id == "code" for target in targets)
    return _code(line.value) if named and isinstance(line, ast.Assign | ast.AnnAssign) else None


def _given(call: ast.Call) -> Iterator[str]:
    """As `code=`, or as the first of several arguments: a single one is the sentence."""
    values = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    values += call.args[:1] if len(call.args) > 1 else []
    yield from (code for value in values if (code := _code(value)))


def _code(value: ast.expr | None) -> str | None:
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and re.fullmatch(r"[a-z][a-z_]+", value.value):
        return value.value
    return None


def all_codes() -> set[str]:
    found = {code for path in SOURCES for code in codes_in(ast.parse(path.read_text()))}
    return found | {code.value for code in Code} | CHOSEN_AT_RUN_TIME


@pytest.mark.parametrize("locale", LOCALES, ids=lambda path: path.stem)
def test_every_code_has_a_sentence(locale: Path) -> None:
    sentences = json.loads(locale.read_text())["code"]
    assert sorted(all_codes() - set(NOT_SHOWN) - set(sentences)) == []


def test_what_is_not_shown_is_a_code() -> None:
    assert sorted(set(NOT_SHOWN) - all_codes()) == []


def test_codes_are_found_where_they_are_given() -> None:
    source = """
class LateError(Exception):
    code = "late"
class OtherError(Exception):
    code: str = "other"
    message = "no_code"
raise BookingError("hold_is_for_another", "The hold is for another.")
raise PlainError("a sentence")
raise MalformedError("A sentence.", code="malformed")
Reason("in_the_way", "Something is in the way.")
"""
    assert set(codes_in(ast.parse(source))) == {"late", "other", "hold_is_for_another", "malformed", "in_the_way"}

"""Cells that a spreadsheet shows and never runs."""

import re

_RUNS_AS_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER_OR_PHONE = re.compile(r"[+-]?[\d ().,/-]*\d")


def defused(cell: str) -> str:
    """`cell`, quoted where a spreadsheet would take it for a formula; numbers and phones stay as they are.

    The rule is OWASP's for CSV injection: a cell is dangerous by its first character.
    """
    if _RUNS_AS_FORMULA.match(cell) and not _NUMBER_OR_PHONE.fullmatch(cell):
        return f"'{cell}"
    return cell


def restored(cell: str) -> str:
    """What `defused` was given: a quote that was put before a formula is taken away, any other stays."""
    return cell[1:] if cell[:1] == "'" and defused(cell[1:]) == cell else cell

"""Cells that a spreadsheet shows and never runs."""

import re

_RUNS_AS_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER_OR_PHONE = re.compile(r"[+-]?[\d ().,/-]*\d")
_QUOTE = "'"


def defused(cell: str) -> str:
    """`cell`, quoted where a spreadsheet would take it for a formula; numbers and phones stay as they are.

    The rule is OWASP's for CSV injection: a cell is dangerous by its first character. What looks as though it had been
    quoted already gets one more quote, so that `restored` gives back every text exactly as it was.
    """
    return f"{_QUOTE}{cell}" if _is_dangerous(cell) else cell


def restored(cell: str) -> str:
    """What `defused` was given: a quote that was put before a formula is taken away, any other stays."""
    return cell[1:] if cell.startswith(_QUOTE) and _is_dangerous(cell[1:]) else cell


def _is_dangerous(cell: str) -> bool:
    """Whether a formula stands in the cell, behind however many quotes."""
    bare = cell.lstrip(_QUOTE)
    return _RUNS_AS_FORMULA.match(bare) is not None and _NUMBER_OR_PHONE.fullmatch(bare) is None

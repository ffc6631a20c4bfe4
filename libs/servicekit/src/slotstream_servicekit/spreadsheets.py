"""Keeps spreadsheets from taking the text of a cell for a formula."""

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
    """The reverse of `defused`: removes a quote before a formula, and no other."""
    return cell[1:] if cell.startswith(_QUOTE) and _is_dangerous(cell[1:]) else cell


def _is_dangerous(cell: str) -> bool:
    """Whether the cell has a formula, after any number of quotes."""
    bare = cell.lstrip(_QUOTE)
    return _RUNS_AS_FORMULA.match(bare) is not None and _NUMBER_OR_PHONE.fullmatch(bare) is None

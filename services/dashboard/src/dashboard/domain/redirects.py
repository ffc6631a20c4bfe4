"""Where a sign-in may lead: to a page of this origin, and nowhere else."""

import re
from typing import Final

HOME: Final = "/"
_SAFE: Final = re.compile(r"/(?!/)[\x21-\x5b\x5d-\x7e]*")
"""One slash first, then printable ASCII without a backslash.

A browser drops tabs and line breaks, trims blanks, and reads a backslash as a slash (WHATWG URL); so none may be there.
"""
MAX_LENGTH: Final = 2_000


def safe_target(target: str | None) -> str:
    """`target` where a browser would stay on this origin, else the start page."""
    if target is None or len(target) > MAX_LENGTH or not _SAFE.fullmatch(target):
        return HOME
    return target

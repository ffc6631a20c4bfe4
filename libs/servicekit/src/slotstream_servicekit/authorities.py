"""The authorities by which TLS servers are verified."""

import ssl
from functools import cache


def authorities(file: str | None) -> ssl.SSLContext:
    """Those of a file alone, else those that this machine trusts: one context for all, which nobody may change.

    Reading a machine's takes 50 ms, in which a process does nothing else.
    """
    return ssl.create_default_context(cafile=file) if file else _of_this_machine()


@cache
def _of_this_machine() -> ssl.SSLContext:
    return ssl.create_default_context()

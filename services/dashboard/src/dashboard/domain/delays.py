"""How long a next sign-in has to wait after failures: it slows a guesser down, and locks nobody out.

Delays are kept per pair of account and network address. Whoever guesses from elsewhere slows himself, not the owner
of the account; and no number of failures makes a delay longer than a minute.
"""

from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

FREE_FAILURES: Final = 4
LONGEST: Final = timedelta(seconds=60)
FORGOTTEN_AFTER: Final = timedelta(hours=1)


def delay_after(failures: int) -> timedelta:
    """None for the first few, then 2, 4, 8 … seconds up to a minute."""
    beyond = failures - FREE_FAILURES
    if beyond <= 0:
        return timedelta()
    return min(timedelta(seconds=2 ** min(beyond, 16)), LONGEST)


def network_of(address: str) -> str:
    """What one person can be expected to hold: an IPv4 address, or the /64 that an IPv6 address is in."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))
    return str(parsed)

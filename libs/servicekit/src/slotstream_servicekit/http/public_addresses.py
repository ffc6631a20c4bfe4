"""Which addresses belong to the public internet: by our own list, which does not change with Python's `ipaddress`.

The list has all blocks of IANA's special-purpose registries, also the globally reachable ones (nobody has a calendar
there): https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry. It also has
multicast and reserved blocks, and the addresses at which clouds give secrets to their machines.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_IPV4: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private use
        "100.64.0.0/10",  # carriers' shared space; a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's wire server
        "169.254.0.0/16",  # link local; clouds' metadata
        "172.16.0.0/12",  # private use
        "192.0.0.0/24",  # protocol assignments; Oracle Cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private use
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and limited broadcast
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""The part of IPv6 that is assigned to the internet. Loopback, link-local, unique local and multicast are not in it."""
_SPECIAL_IPV6: Final = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID, AMT, AS112, drone ids
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_IPV4_IN_IPV6: Final = (
    IPv6Network("::ffff:0:0/96"),  # mapped
    IPv6Network("64:ff9b::/96"),  # NAT64
)


def is_public(address: Address) -> bool:
    """Whether it is a public address. An IPv6 address that leads to an IPv4 address is judged by that one."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL_IPV4)
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_UNICAST and not any(address in block for block in _SPECIAL_IPV6)


def is_listed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether it is in one of `networks`, also if it is an IPv4 address written as an IPv6 address."""
    inner = _embedded(address) if isinstance(address, IPv6Address) else None
    return any(
        candidate in network
        for candidate in (address, inner)
        if candidate is not None
        for network in networks
        if network.version == candidate.version
    )


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if any(address in block for block in _IPV4_IN_IPV6):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None

"""What a browser says where it can be reached. Anybody may say it, so nothing of it is believed."""

import base64
import binascii
import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from notifications.domain.errors import EndpointInvalidError, PushKeysInvalidError
from slotstream_servicekit.http.public_addresses import Network, is_listed, is_public

_POINT_BYTES: Final = 65
_AUTH_BYTES: Final = 16
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_NOT_PUBLIC: Final = ("localhost", "local", "internal", "invalid", "test", "example", "onion", "arpa", "home", "lan")
"""Last labels of names that are no push service's."""


def checked_endpoint(endpoint: str, *, allowed: Sequence[Network]) -> str:
    """An address of https on the public internet, or in one of `allowed` networks. Raises EndpointInvalidError.

    Where its name leads is looked at when it is sent to, each time, by the guard that dials.
    """
    if not _PRINTABLE.fullmatch(endpoint) or "\\" in endpoint or "#" in endpoint:
        raise EndpointInvalidError("The endpoint is not an address")
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise EndpointInvalidError("The endpoint is not an address") from None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise EndpointInvalidError("The endpoint is not an https address of a push service")
    if not _may_be_reached(parts, port or 443, allowed):
        raise EndpointInvalidError("The endpoint leads to no public push service")
    return endpoint


def checked_keys(p256dh: str, auth: str) -> tuple[bytes, bytes]:
    """The browser's public key, a point of P-256, and its secret (RFC 8291 §3.1, §3.2). Raises PushKeysInvalidError."""
    point, secret = _decoded(p256dh), _decoded(auth)
    if point is None or len(point) != _POINT_BYTES or secret is None or len(secret) != _AUTH_BYTES:
        raise PushKeysInvalidError("The keys are a point of P-256 in 65 bytes and a secret of 16, in base64url")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError:
        raise PushKeysInvalidError("The key is no point of P-256") from None
    return point, secret


def _may_be_reached(parts: SplitResult, port: int, allowed: Sequence[Network]) -> bool:
    host = parts.hostname or ""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        labels = host.rstrip(".").lower().split(".")
        # A name that is all digits at its end is how browsers write an address: 127.1, 0x7f.1
        is_name = len(labels) > 1 and labels[-1].isalpha() and labels[-1] not in _NOT_PUBLIC
        return is_name and (port == 443 or bool(allowed))
    return is_listed(address, allowed) or (port == 443 and is_public(address))


def _decoded(text: str) -> bytes | None:
    if not _BASE64URL.fullmatch(text):
        return None
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return None

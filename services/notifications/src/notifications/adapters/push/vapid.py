"""VAPID: by which push services know who sends (RFC 8292)."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

_LIFETIME: Final = timedelta(hours=12)
"""A day is the most that push services take (§2)."""
_KEY_BYTES: Final = 32
_ALGORITHM: Final = "ES256"
_NOBODY: Final = frozenset({"localhost", "local", "localdomain", "invalid", "test", "example"})


class VapidKey:
    """An installation's key pair, from 32 bytes in URL-safe base64. Raises ValueError for what is none."""

    def __init__(self, secret: str) -> None:
        scalar = _decoded(secret)
        private = derive_private_key(int.from_bytes(scalar), SECP256R1())
        public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = _base64url(public)
        """As browsers take it: an uncompressed point in base64url."""
        self._key = ECKey.import_key(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": _base64url(public[1:33]),
                "y": _base64url(public[33:]),
                "d": _base64url(scalar),
            }
        )

    def authorization(self, endpoint: str, *, contact: str, now: datetime) -> str:
        """The header that proves to the push service of `endpoint`, and to no other, who sends."""
        claims = {"aud": _origin(endpoint), "exp": int((now + _LIFETIME).timestamp()), "sub": contact}
        token = jwt.encode({"typ": "JWT", "alg": _ALGORITHM}, claims, self._key, algorithms=[_ALGORITHM])
        return f"vapid t={token}, k={self.public_key}"


def checked_contact(contact: str) -> str:
    """Where push services reach whoever runs this: a mailto: or https: address of a real domain. Raises ValueError."""
    scheme, _, rest = contact.partition(":")
    host = rest.rpartition("@")[2] if scheme == "mailto" else urlsplit(contact).hostname or ""
    labels = host.lower().rstrip(".").split(".")
    is_real = len(labels) > 1 and all(labels) and not _NOBODY.intersection(labels[-1:])
    is_plain = contact.isascii() and contact.isprintable() and " " not in contact and len(contact) <= 254
    if scheme not in ("mailto", "https") or (scheme == "mailto" and "@" not in rest) or not is_real or not is_plain:
        raise ValueError("a contact is a mailto: or https: address of a real domain")
    return contact


def _origin(endpoint: str) -> str:
    """Scheme, host and a port that is not the usual one (RFC 6454 §6.2)."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, 443) else "")


def _decoded(secret: str) -> bytes:
    try:
        scalar = base64.urlsafe_b64decode(secret)
    except (binascii.Error, ValueError):
        scalar = b""
    if len(scalar) != _KEY_BYTES:
        raise ValueError("a push key is 32 bytes in URL-safe base64")
    return scalar


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

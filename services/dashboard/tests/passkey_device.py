"""A device that holds passkeys, as WebAuthn has it: makes them and signs with them, rightly or wrongly."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from dashboard.adapters.base64url import bytes_of, text_of

HOST = "desk.example.com"
ORIGIN = f"https://{HOST}"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass(kw_only=True)
class Device:
    """One passkey. `count` None: this device does not count its uses."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes = b""
    count: int | None = 0

    def make(self, options: dict[str, Any], *, name: str = "Laptop", **wrong: Any) -> dict[str, Any]:
        """The body for POST /api/passkeys."""
        self.user_handle = bytes_of(options["user_handle"])
        data = self._authenticator_data(**({"flags": PRESENT | VERIFIED | ATTESTED} | _only(wrong, "host", "flags")))
        data += bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._public_key()
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = _client_data("webauthn.create", options["challenge"], **_only(wrong, "origin", "type"))
        return {
            "name": name,
            "credential_id": text_of(self.credential_id),
            "client_data": text_of(client_data),
            "attestation": text_of(attestation),
        }

    def use(self, challenge: str, **wrong: Any) -> dict[str, str]:
        """The fields of the form that signs in."""
        if self.count is not None:
            self.count += 1
        data = self._authenticator_data(**({"flags": PRESENT | VERIFIED} | _only(wrong, "host", "flags")))
        client_data = _client_data("webauthn.get", challenge, **_only(wrong, "origin", "type"))
        key = wrong.get("key", self.key)
        signature = key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "credential_id": text_of(wrong.get("credential_id", self.credential_id)),
            "client_data": text_of(client_data),
            "authenticator_data": text_of(data),
            "signature": text_of(signature),
            "user_handle": text_of(wrong.get("user_handle", self.user_handle)),
        }

    def _authenticator_data(self, *, flags: int, host: str = HOST) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + (self.count or 0).to_bytes(4, "big")

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})


def _only(wrong: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: wrong[name] for name in names if name in wrong}


def _client_data(kind: str, challenge: str, *, origin: str = ORIGIN, type: str | None = None) -> bytes:  # noqa: A002
    return json.dumps({"type": type or kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

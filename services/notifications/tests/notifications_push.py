"""A push service for tests, which judges what it is sent by the standards, and browsers that open what is for them.

Neither uses what sends: signatures are checked (RFC 8292) and messages opened (RFC 8291) with plain primitives here.
"""

import asyncio
import base64
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from notifications_salon import Salon

from slotstream_servicekit.testing.certificates import CertificateAuthority

CONTACT: Final = "mailto:ops@salon-nord.com"
PUSH_KEY: Final = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()
_TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_CURVE: Final = ec.SECP256R1()
OWN: Final = "/v1/portal/push-subscriptions"


def unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def padded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """What subscribes, and opens what comes. `endpoint` is where its push service takes messages for it."""

    def __init__(
        self, endpoint: str, *, private: ec.EllipticCurvePrivateKey | None = None, auth: bytes | None = None
    ) -> None:
        self.endpoint = endpoint
        self._private = private or ec.generate_private_key(_CURVE)
        self.auth = auth or uuid4().bytes
        self.point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> dict[str, Any]:
        return {"endpoint": self.endpoint, "keys": {"p256dh": unpadded(self.point), "auth": unpadded(self.auth)}}

    def opened(self, body: bytes) -> bytes:
        """RFC 8291 §3.4, of the one record that a push message is."""
        salt, length = body[:16], body[20]
        sender, content = body[21 : 21 + length], body[21 + length :]
        shared = self._private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender))
        secret = _derived(32, self.auth, b"WebPush: info\0" + self.point + sender, shared)
        key = _derived(16, salt, b"Content-Encoding: aes128gcm\0", secret)
        nonce = _derived(12, salt, b"Content-Encoding: nonce\0", secret)
        plain = AESGCM(key).decrypt(nonce, content, None).rstrip(b"\0")
        assert plain.endswith(b"\x02")
        return plain[:-1]


def _derived(length: int, salt: bytes, info: bytes, secret: bytes) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


@dataclass(frozen=True)
class PushAnswer:
    status: int = 201
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: asyncio.Event | None = None
    cut: bool = False


@dataclass(frozen=True)
class Push:
    """What was sent to one browser."""

    to: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakePushService:
    """`answers` are its next ones, in turn; `faults` is what no push service would have taken."""

    ca_file: Path
    public_key: str
    port: int = 0
    pushes: list[Push] = field(default_factory=list)
    answers: list[PushAnswer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def browser(self) -> Browser:
        return Browser(f"{self.origin}/w/{uuid4().hex}")

    def told(self, browser: Browser) -> list[dict[str, Any]]:
        return [json.loads(browser.opened(push.body)) for push in self.pushes if push.to == browser.endpoint]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakePushService"]:
        authority = CertificateAuthority()
        self.ca_file.write_text(authority.pem)
        pair = self.ca_file.with_name("push.pem")
        pair.write_text(authority.issue("push service"))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.pushes.append(Push(f"{self.origin}{request.path}", dict(request.headers), body))
        self.faults += self._faults(request, body)
        answer = self.answers.pop(0) if self.answers else PushAnswer()
        if answer.hold is not None:
            await answer.hold.wait()
        if answer.cut and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    def _faults(self, request: web.Request, body: bytes) -> list[str]:
        """RFC 8030 §5, RFC 8188 §2.1, RFC 8292 §2."""
        headers, faults = request.headers, []
        if request.method != "POST" or not request.path.startswith("/w/"):
            faults.append(f"{request.method} {request.path}")
        if not headers.get("TTL", "").isdigit():
            faults.append("no TTL")
        if headers.get("Content-Encoding") != "aes128gcm" or not 0 < len(body) <= 4096:
            faults.append(f"{len(body)} octets in {headers.get('Content-Encoding')}")
        if not _TOPIC.fullmatch(headers.get("Topic", "")):
            faults.append("a Topic that is none")
        scheme, _, parameters = headers.get("Authorization", "").partition(" ")
        given = dict(part.strip().partition("=")[::2] for part in parameters.split(","))
        if scheme != "vapid" or given.get("k") != self.public_key:
            return [*faults, "not by our key"]
        return [*faults, *self._claim_faults(given["t"])]

    def _claim_faults(self, token: str) -> list[str]:
        signed, _, signature = token.rpartition(".")
        header, claims = (json.loads(padded(part)) for part in signed.split("."))
        raw = padded(signature)
        public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, padded(self.public_key))
        numbers = (int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        public.verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(SHA256()))
        now = datetime.now(UTC)
        lasts = datetime.fromtimestamp(claims["exp"], UTC) - now
        expected = {"typ": "JWT", "alg": "ES256"}, {"aud": self.origin, "sub": CONTACT}
        is_right = (header, {name: claims[name] for name in ("aud", "sub")}) == expected
        return [] if is_right and timedelta() < lasts <= timedelta(hours=24) else [f"{header} {claims}"]


async def subscribed(http: httpx2.AsyncClient, browser: Browser, path: str = OWN) -> dict[str, Any]:
    answer = await http.post(path, json=browser.subscription)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def remind(salon: Salon, *, minutes: int = 60, **more: Any) -> Any:
    """An appointment with a reminder by push, its time come."""
    appointment = salon.snapshot(**more)
    await salon.receive(salon.created(appointment))
    await salon.sender.send_due()
    answer = await salon.http.post(
        f"/v1/appointments/{appointment.id}/reminders", json={"channel": "push", "minutes_before": minutes}
    )
    assert answer.status_code == 201, answer.text
    salon.now = appointment.starts_at - timedelta(minutes=minutes)
    return appointment


async def reminders(salon: Salon) -> list[tuple[str, str | None]]:
    rows = [row for row in await salon.ledger() if (row["channel"], row["kind"]) == ("push", "reminder")]
    return [(row["status"], row["reason"] or row["code"]) for row in rows]

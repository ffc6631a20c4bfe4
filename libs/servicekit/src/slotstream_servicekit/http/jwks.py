"""The public keys of an issuer: fetched now and then, and kept while the issuer is down."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx2
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from slotstream_servicekit.errors import ErrorKind, SlotstreamError
from slotstream_servicekit.telemetry import get_logger

FRESH_SECONDS = 600.0
UNKNOWN_KEY_COOLDOWN_SECONDS = 30.0
FILE_COOLDOWN_SECONDS = 1.0
MAX_JWKS_BYTES = 262_144

PublicKey = RSAKey | ECKey | OKPKey

_KEY_TYPES: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}
_FITTING: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}

log = get_logger(__name__)


class IssuerUnreachableError(SlotstreamError):
    """The keys of the issuer could not be fetched yet, so its tokens cannot be verified: try again."""

    code = "issuer_unreachable"
    kind = ErrorKind.transient


class KeyStore:
    """The keys at one JWKS URL.

    Known keys stay in use while the issuer cannot be reached. An unknown key id makes it fetch the keys again, but not
    more often than the cooldown allows: made-up key ids must not cause a flood of requests.
    """

    def __init__(
        self, url: str, client: httpx2.AsyncClient | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: tuple[PublicKey, ...] = ()
        self._loaded_at: float | None = None
        self._tried_at: float | None = None
        self._lock = asyncio.Lock()
        self._cooldown = FILE_COOLDOWN_SECONDS if is_local(url) else UNKNOWN_KEY_COOLDOWN_SECONDS

    async def key(self, key_id: object, algorithm: str) -> PublicKey | None:
        """The matching key, or None. Raises IssuerUnreachableError if no fetch has succeeded yet."""
        if self._is_stale():
            await self._refresh()
        key = self._find(key_id, algorithm)
        if key is None and self._may_try():
            await self._refresh()
            key = self._find(key_id, algorithm)
        if key is None and self._loaded_at is None:
            raise IssuerUnreachableError("The token issuer's keys cannot be read at the moment")
        return key

    def _find(self, key_id: object, algorithm: str) -> PublicKey | None:
        kind, curve = _FITTING[algorithm]
        fitting = [
            key
            for key in self._keys
            if key.key_type == kind and (curve is None or key.curve_name == curve)  # type: ignore[union-attr]
            if key.get("alg", algorithm) in _same(algorithm)
        ]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.kid == key_id), None)

    def _is_stale(self) -> bool:
        fresh = self._loaded_at is not None and self._clock() - self._loaded_at < FRESH_SECONDS
        return not fresh and self._may_try()

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= self._cooldown

    async def _refresh(self) -> None:
        async with self._lock:
            if not self._may_try():
                return
            try:
                self._keys = _parsed(await self._read())
                self._loaded_at = self._clock()
            except (httpx2.HTTPError, OSError, ValueError, KeyError) as error:
                log.warning("jwks_unreadable", url=self._url, error=type(error).__name__)
            finally:
                self._tried_at = self._clock()

    async def _read(self) -> bytes:
        if self._client is None or is_local(self._url):
            path = Path(url2pathname(urlsplit(self._url).path))
            return await asyncio.to_thread(path.read_bytes)
        body = bytearray()
        async with self._client.stream("GET", self._url, headers={"Accept": "application/json"}) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MAX_JWKS_BYTES:
                    raise ValueError("the JWKS is too long")
        return bytes(body)


def is_local(url: str) -> bool:
    """Whether the keys are in a file, so that no client is needed."""
    return url.startswith("file://")


def _same(algorithm: str) -> tuple[str, ...]:
    return ("EdDSA", "Ed25519") if algorithm in {"EdDSA", "Ed25519"} else (algorithm,)


def _parsed(content: bytes) -> tuple[PublicKey, ...]:
    """The signature keys of a JWKS. Keys of other kinds and uses are skipped, secret (symmetric) ones above all."""
    document = orjson.loads(content)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JWKS")  # noqa: TRY004 - the document's fault, not a caller's type
    return tuple(key for entry in document["keys"] if (key := _imported(entry)) is not None)


def _imported(entry: Any) -> PublicKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kind = _KEY_TYPES.get(str(entry.get("kty")))
    if kind is None:
        return None
    try:
        return kind.import_key(entry)
    except (JoseError, ValueError, TypeError):
        return None

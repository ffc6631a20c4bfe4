"""`Idempotency-Key`: a request that is repeated with its key has no second effect, and gets the same answer.

The key, the effect and the stored answer are committed together. A duplicate that arrives meanwhile waits for that
commit at the unique index of the keys, and then gets the same answer.
"""

import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from uuid import UUID

import orjson
from fastapi import Header, Request
from sqlalchemy import Column, DateTime, LargeBinary, MetaData, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from slotstream_servicekit.database import Connection, tenant_transaction
from slotstream_servicekit.errors import RETRYABLE_KINDS, ErrorKind, SlotstreamError
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.problems import MalformedRequestError, problem_of
from slotstream_servicekit.limits import UNLIMITED, Limits, Tenancy, limit_settings

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
TABLE_NAME = "idempotency_keys"

IdempotencyKey = Annotated[
    str | None,
    Header(alias=HEADER, max_length=255, description="The same key and body give the same answer, once done"),
]
"""Declares the header in OpenAPI: `idempotency_key: IdempotencyKey = None`."""

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_KEPT_HEADERS = frozenset({"content-type", "etag", "location", "retry-after", "slotstream-version"})


class InvalidIdempotencyKeyError(MalformedRequestError):
    code = "invalid_idempotency_key"


class IdempotencyKeyReusedError(SlotstreamError):
    code = "idempotency_key_reused"
    kind = ErrorKind.invalid

    @classmethod
    def because(cls) -> "IdempotencyKeyReusedError":
        return cls("This Idempotency-Key was used for another request; a new request needs a new key")


class Transactions(Protocol):
    def transaction(self, tenant: Tenancy | UUID) -> AbstractAsyncContextManager[AsyncSession]: ...

    def system_transaction(self) -> AbstractAsyncContextManager[AsyncSession]: ...


class Connections(Protocol):
    def connection(self) -> AbstractAsyncContextManager[Connection]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyClaim:
    """A key that the statement with the effect stores, together with the answer."""

    organization_id: UUID
    caller: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A row of the table: the fingerprint of the request, and the answer."""

    fingerprint: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes

    def replay(self, fingerprint: bytes) -> Response:
        """The stored answer, marked as replayed. Raises IdempotencyKeyReusedError for another request."""
        if self.fingerprint != fingerprint:
            raise IdempotencyKeyReusedError.because()
        headers = {**self.headers, REPLAYED_HEADER: "true"}
        return Response(self.body, status_code=self.status, headers=headers)


def stored_answer(claim: KeyClaim, answer: Response) -> StoredAnswer:
    """The answer as it is stored under the key."""
    return StoredAnswer(claim.fingerprint, answer.status_code, kept_headers(answer), bytes(answer.body))


def idempotency_table(metadata: MetaData) -> Table:
    """The table `idempotency_keys`, isolated by tenant like any other."""
    return Table(
        TABLE_NAME,
        metadata,
        Column("organization_id", Uuid, primary_key=True),
        Column("caller", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("status", SmallInteger, nullable=True),
        Column("headers", JSONB, nullable=True),
        Column("body", LargeBinary, nullable=True),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    )


def key_of(request: Request) -> str | None:
    """The request's key, or None where it sent none. Raises InvalidIdempotencyKeyError."""
    key = request.headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidIdempotencyKeyError("Idempotency-Key holds 1 to 255 printable ASCII characters")
    return key


async def fingerprint_of(request: Request, limits: Limits) -> bytes:
    """A hash of method, path, query and body (for JSON without regard to spaces), and of the caller's limits.

    So a caller who has been limited since does not get the stored answer, which may show what they may no longer see.
    """
    scope = request.scope
    return fingerprint(request.method, scope["path"], scope["query_string"], await request.body(), limits=limits)


def fingerprint(method: str, path: str, query_string: bytes, body: bytes, *, limits: Limits = UNLIMITED) -> bytes:
    # A form or a file is not JSON: its bytes are hashed as they are.
    with contextlib.suppress(ValueError):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) if body else b""
    digest = hashlib.sha256(f"{method} {path}\n".encode())
    digest.update(query_string + b"\n")
    digest.update(limit_settings(limits).encode())
    digest.update(body)
    return digest.digest()


async def idempotent(
    request: Request,
    *,
    database: Transactions,
    principal: Principal,
    action: Callable[[AsyncSession], Awaitable[Response]],
) -> Response:
    """Runs `action` in one transaction, and only once per key. Without a key it is simply run in a transaction.

    A refusal (an error that would be the same again) is stored as the answer, and what `action` did is rolled back.
    Transient errors and crashes store nothing, so that the key can be used again.
    """
    key = key_of(request)
    if key is None:
        async with database.transaction(principal) as session:
            return await action(session)
    digest = await fingerprint_of(request, principal.limits)
    claim = _Claim(principal.organization_id, principal.subject, key, digest)
    async with database.transaction(principal) as session:
        stored = await claim.take(session)
        if stored is not None:
            return stored.replay(digest)
        answer = await _answer(session, action)
        await claim.settle(session, answer)
        return answer


async def idempotent_statement(
    request: Request,
    *,
    database: Connections,
    principal: Principal,
    action: Callable[[Connection, KeyClaim | None], Awaitable[Response]],
) -> Response:
    """A faster `idempotent`, for an effect of one statement, or of a short transaction that `action` opens itself.

    The statement with the effect also stores the key and the answer, so that a key costs no round trip. If the key was
    used before, that statement fails and `action` raises; then the stored answer is given. A refusal is stored
    afterwards, as in `idempotent`.
    """
    claim = await _claim_of(request, principal)
    async with database.connection() as connection:
        try:
            return await _acted(connection, claim, principal, action)
        except SlotstreamError as error:
            if claim is None:
                raise
            stored = await _read_stored(connection, claim)
            if stored is None:
                if error.kind in RETRYABLE_KINDS:
                    raise
                answer = problem_of(error)
                stored = await _keep_refusal(connection, claim, stored_answer(claim, answer))
                if stored is None:
                    return answer
    return stored.replay(claim.fingerprint)


async def _acted(
    connection: Connection,
    claim: KeyClaim | None,
    principal: Principal,
    action: Callable[[Connection, KeyClaim | None], Awaitable[Response]],
) -> Response:
    """Runs `action`; for a limited caller in a transaction that is bound to the limits."""
    if not principal.is_limited:
        return await action(connection, claim)
    async with tenant_transaction(connection, principal):
        return await action(connection, claim)


async def _claim_of(request: Request, principal: Principal) -> KeyClaim | None:
    key = key_of(request)
    if key is None:
        return None
    return KeyClaim(
        organization_id=principal.organization_id,
        caller=principal.subject,
        key=key,
        fingerprint=await fingerprint_of(request, principal.limits),
    )


async def _read_stored(connection: Connection, claim: KeyClaim) -> StoredAnswer | None:
    """The answer stored under this key, if there is one yet."""
    async with tenant_transaction(connection, claim.organization_id):
        row = await connection.fetchrow(_READ_DECIDED, claim.organization_id, claim.caller, claim.key)
    return row and StoredAnswer(row["fingerprint"], row["status"], row["headers"], row["body"])


async def _keep_refusal(connection: Connection, claim: KeyClaim, answer: StoredAnswer) -> StoredAnswer | None:
    """Stores a refusal. If another request with this key was faster, returns its answer instead."""
    async with tenant_transaction(connection, claim.organization_id):
        kept = await connection.fetchval(
            _KEEP_REFUSAL,
            claim.organization_id,
            claim.caller,
            claim.key,
            answer.fingerprint,
            answer.status,
            orjson.dumps(dict(answer.headers)).decode(),
            answer.body,
        )
    return None if kept else await _read_stored(connection, claim)


async def _answer(session: AsyncSession, action: Callable[[AsyncSession], Awaitable[Response]]) -> Response:
    try:
        async with session.begin_nested():
            return await action(session)
    except SlotstreamError as error:
        if error.kind in RETRYABLE_KINDS:
            raise
        return problem_of(error)


@dataclass(frozen=True, slots=True)
class _Claim:
    organization_id: UUID
    caller: str
    key: str
    fingerprint: bytes

    async def take(self, session: AsyncSession) -> StoredAnswer | None:
        """Claims the key, or returns the answer that another request has stored under it."""
        claimed = await session.execute(_CLAIM, {**self._identity(), "fingerprint": self.fingerprint})
        if claimed.first() is not None:
            return None
        row = (await session.execute(_READ, self._identity())).one()
        return StoredAnswer(bytes(row.fingerprint), row.status, row.headers, bytes(row.body))

    async def settle(self, session: AsyncSession, answer: Response) -> None:
        await session.execute(
            _SETTLE,
            {
                **self._identity(),
                "status": answer.status_code,
                "headers": orjson.dumps(kept_headers(answer)).decode(),
                "body": bytes(answer.body),
            },
        )

    def _identity(self) -> dict[str, Any]:
        return {"organization_id": self.organization_id, "caller": self.caller, "key": self.key}


def kept_headers(answer: Response) -> dict[str, str]:
    """The headers of an answer that are stored and sent again."""
    return {name: value for name, value in answer.headers.items() if name in _KEPT_HEADERS}


_IDENTITY = "organization_id = :organization_id AND caller = :caller AND key = :key"
_CLAIM = text(
    f"INSERT INTO {TABLE_NAME} (organization_id, caller, key, fingerprint) "
    "VALUES (:organization_id, :caller, :key, :fingerprint) ON CONFLICT DO NOTHING RETURNING 1"
)
_READ = text(f"SELECT fingerprint, status, headers, body FROM {TABLE_NAME} WHERE {_IDENTITY}")
_SETTLE = text(
    f"UPDATE {TABLE_NAME} SET status = :status, headers = CAST(:headers AS jsonb), body = :body WHERE {_IDENTITY}"
)
_READ_DECIDED = (
    f"SELECT fingerprint, status, headers, body FROM {TABLE_NAME} "
    "WHERE organization_id = $1 AND caller = $2 AND key = $3 AND status IS NOT NULL"
)
_KEEP_REFUSAL = (
    f"INSERT INTO {TABLE_NAME} (organization_id, caller, key, fingerprint, status, headers, body) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1"
)

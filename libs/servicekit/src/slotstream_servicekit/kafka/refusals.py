"""Finds out why Kafka refuses this process. aiokafka says only that it could not connect."""

import asyncio
import contextlib
import ssl
import time
from functools import lru_cache
from typing import Any, Final

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.kafka.connection import KafkaConnection, OAuthLogin, PasswordLogin
from slotstream_servicekit.kafka.tokens import TokenError
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

_ANSWER_MILLISECONDS: Final = 5_000
_LOOK_AGAIN_SECONDS: Final = 5.0
_HUNG_UP_OFTEN: Final = 3
HANGS_UP: Final = (
    "Kafka hangs up at once: it is just starting, or KAFKA_SECURITY_PROTOCOL is not that of this listener, "
    "or it wants a certificate"
)
_CHECK_CLIENT: Final = "the access token is refused: check KAFKA_OAUTH_CLIENT_ID, _SCOPE and the broker's issuer"


async def refusal_of(kafka: KafkaConnection) -> str | None:
    """Why Kafka refuses this connection, as a sentence; None where it does not, or where nobody answers."""
    try:
        arguments = aiokafka_arguments(kafka)
    except (OSError, ssl.SSLError) as error:
        return f"a certificate, key or password file cannot be read ({type(error).__name__})"
    del arguments["bootstrap_servers"]
    for host, port, _ in collect_hosts(kafka.bootstrap_servers):
        try:
            await _enter(host, port, arguments)
        except (KafkaError, OSError, TimeoutError) as error:
            if (reason := _reason(error, kafka)) is not None:
                return reason
        else:
            return None
    return None


async def _enter(host: str, port: int, arguments: dict[str, Any]) -> None:
    """Connects, logs in and sends a request: only its answer, without brokers, shows that a token was refused."""
    connection = await create_conn(host, port, request_timeout_ms=_ANSWER_MILLISECONDS, **arguments)
    try:
        answer = await connection.send(MetadataRequest([]))
        if not answer.brokers:
            raise KafkaConnectionError
    finally:
        await connection.close()


def _reason(error: Exception, kafka: KafkaConnection) -> str | None:
    reason = None
    match error:
        case SaslAuthenticationFailed() if isinstance(kafka.login, PasswordLogin):
            reason = (
                f"the login of {kafka.login.username!r} by {kafka.login.mechanism} is refused: "
                "check KAFKA_USERNAME and KAFKA_PASSWORD (or KAFKA_PASSWORD_FILE)"
            )
        case SaslAuthenticationFailed():
            reason = _CHECK_CLIENT
        case UnsupportedSaslMechanismError() | IllegalSaslStateError():
            reason = "this listener takes no such login: check KAFKA_SASL_MECHANISM and KAFKA_SECURITY_PROTOCOL"
        case TokenError():
            reason = f"{error.args[0]}: check KAFKA_OAUTH_TOKEN_URL, _CLIENT_ID and _CLIENT_SECRET"
        case ssl.SSLCertVerificationError():
            reason = f"the broker's certificate is not trusted ({error.verify_message}): check KAFKA_CA_FILE"
        case ssl.SSLError():
            reason = f"TLS fails ({error.reason}): check KAFKA_SECURITY_PROTOCOL and KAFKA_CERTIFICATE_FILE"
        case KafkaConnectionError() if isinstance(kafka.login, OAuthLogin):
            reason = _CHECK_CLIENT
        case KafkaConnectionError() | ConnectionResetError():
            reason = HANGS_UP
    return reason


class Refusals:
    """Logs why Kafka refuses this process: once, and again when the reason changes."""

    def __init__(self, kafka: KafkaConnection) -> None:
        self._kafka = kafka
        self._reason: str | None = None
        self._hung_up = 0
        self._looked_at = float("-inf")
        self._look: asyncio.Task[None] | None = None

    async def reason(self) -> str | None:
        """The reason. It is looked up now and then, for all callers; in between it is the last one that was found."""
        loop = asyncio.get_running_loop()
        if self._look is None or self._look.done() or self._look.get_loop() is not loop:
            if time.monotonic() - self._looked_at < _LOOK_AGAIN_SECONDS:
                return self._reason
            self._looked_at = time.monotonic()
            self._look = loop.create_task(self._find_out())
        await asyncio.wait({self._look})
        return self._reason

    async def _find_out(self) -> None:
        reason = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * _ANSWER_MILLISECONDS / 1000):
                reason = await refusal_of(self._kafka)
        self._hung_up = self._hung_up + 1 if reason in {HANGS_UP, _CHECK_CLIENT} else 0
        if 0 < self._hung_up < _HUNG_UP_OFTEN:
            # A broker that stops does so, too, and a proxy in front of one that starts.
            reason = None
        if reason is not None and reason != self._reason:
            log.error("kafka_refuses", reason=reason)
        self._reason = reason


@lru_cache(maxsize=16)
def refusals_of(kafka: KafkaConnection) -> Refusals:
    """The one instance for `kafka`: consumers and relay fail for the same reason, which is logged once."""
    return Refusals(kafka)


def is_refusal(error: Any) -> bool:
    """Whether aiokafka's log line about `error` only repeats what `kafka_refuses` logs."""
    return isinstance(error, SaslAuthenticationFailed | UnsupportedSaslMechanismError | TokenError | ssl.SSLError)

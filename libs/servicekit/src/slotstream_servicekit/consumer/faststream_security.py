"""A Kafka connection as FastStream's arguments, which differ from aiokafka's."""

from typing import Any, Final

from faststream.security import BaseSecurity, SASLOAuthBearer, SASLPlaintext, SASLScram256, SASLScram512

from slotstream_servicekit.kafka import KafkaConnection, PasswordLogin
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.kafka.connection import PasswordMechanism

_PASSWORD_LOGINS: Final[dict[PasswordMechanism, type[SASLPlaintext | SASLScram256 | SASLScram512]]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


def faststream_arguments(kafka: KafkaConnection) -> dict[str, Any]:
    """Keyword arguments of a KafkaBroker. Raises OSError for a file that cannot be read."""
    told = aiokafka_arguments(kafka)
    tls: dict[str, Any] = {"ssl_context": told.get("ssl_context"), "use_ssl": kafka.tls is not None}
    arguments: dict[str, Any] = {"bootstrap_servers": kafka.bootstrap_servers.split(",")}
    if isinstance(kafka.login, PasswordLogin):
        security: BaseSecurity = _PASSWORD_LOGINS[kafka.login.mechanism](
            told["sasl_plain_username"], told["sasl_plain_password"], **tls
        )
    elif kafka.login is not None:
        security = SASLOAuthBearer(**tls)
        arguments["sasl_oauth_token_provider"] = told["sasl_oauth_token_provider"]
    else:
        security = BaseSecurity(**tls)
    return {**arguments, "security": security}

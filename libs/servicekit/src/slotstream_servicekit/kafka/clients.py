"""A Kafka connection as arguments of each client library. Files are read again for each new client."""

from typing import Any

from aiokafka.helpers import create_ssl_context

from slotstream_servicekit.kafka.connection import KafkaConnection, OAuthLogin, PasswordLogin, Tls, read_secret
from slotstream_servicekit.kafka.tokens import TokenProvider, token_source


def aiokafka_arguments(kafka: KafkaConnection) -> dict[str, Any]:
    """Keyword arguments of aiokafka's producer, consumer and admin client. Raises OSError for an unreadable file."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.tls is not None:
        arguments["ssl_context"] = ssl_context_of(kafka.tls)
    match kafka.login:
        case PasswordLogin(mechanism=mechanism, username=username, password=password):
            arguments |= {
                "sasl_mechanism": mechanism,
                "sasl_plain_username": username,
                "sasl_plain_password": read_secret(password),
            }
        case OAuthLogin() as login:
            arguments |= {"sasl_mechanism": login.mechanism, "sasl_oauth_token_provider": TokenProvider(login)}
    return arguments


def confluent_arguments(kafka: KafkaConnection) -> dict[str, Any]:
    """confluent-kafka's configuration. Raises OSError for a secret's file that cannot be read."""
    configuration: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
    }
    if kafka.tls is not None:
        files = {
            "ssl.ca.location": kafka.tls.ca_file,
            "ssl.certificate.location": kafka.tls.certificate_file,
            "ssl.key.location": kafka.tls.key_file or kafka.tls.certificate_file,
        }
        configuration |= {name: str(path) for name, path in files.items() if path is not None}
    match kafka.login:
        case PasswordLogin(mechanism=mechanism, username=username, password=password):
            configuration |= {
                "sasl.mechanism": mechanism,
                "sasl.username": username,
                "sasl.password": read_secret(password),
            }
        case OAuthLogin() as login:

            def give_token(_configuration: str) -> tuple[str, float]:
                token = token_source(login).current()
                return token.value.get_secret_value(), token.expires_at

            configuration |= {"sasl.mechanism": login.mechanism, "oauth_cb": give_token}
    return configuration


def ssl_context_of(tls: Tls) -> Any:
    return create_ssl_context(
        cafile=tls.ca_file and str(tls.ca_file),
        certfile=tls.certificate_file and str(tls.certificate_file),
        keyfile=tls.key_file and str(tls.key_file),
    )

"""How this process reaches Kafka: address, TLS and login, as arguments of each client library."""

from slotstream_servicekit.kafka.connection import KafkaConnection, OAuthLogin, PasswordLogin, Tls
from slotstream_servicekit.kafka.settings import KafkaSettings

__all__ = ["KafkaConnection", "KafkaSettings", "OAuthLogin", "PasswordLogin", "Tls"]

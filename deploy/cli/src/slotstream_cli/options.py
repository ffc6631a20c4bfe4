"""Options that several commands have."""

from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from slotstream_cli.failures import Failure
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.kafka import KafkaConnection, KafkaSettings
from slotstream_servicekit.settings import SHARED_PREFIX, settings_faults

BootstrapServers = Annotated[
    str, typer.Option(envvar="SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS", help="Kafka, as host:port[,host:port].")
]
Wait = Annotated[int, typer.Option(min=0, help="Seconds to wait for the other side to answer.")]


class OperatorKafkaSettings(KafkaSettings):
    """How the command line reaches Kafka: `SLOTSTREAM_KAFKA_…`, as the services' shared settings are called."""

    model_config = SettingsConfigDict(env_prefix=SHARED_PREFIX)


def kafka_as_operator(bootstrap_servers: str) -> KafkaConnection:
    """Kafka at that address, with TLS and login from the environment. Raises Failure with one line per fault."""
    try:
        return OperatorKafkaSettings(kafka_bootstrap_servers=bootstrap_servers).kafka_connection()
    except ValidationError as error:
        faults = [f"{SHARED_PREFIX}{name}: {fault}" for name, fault in settings_faults(error)]
        raise Failure.usage("settings do not fit:\n  " + "\n  ".join(faults)) from None
    except StartError as error:
        raise Failure.usage(f"{SHARED_PREFIX}{error}") from None

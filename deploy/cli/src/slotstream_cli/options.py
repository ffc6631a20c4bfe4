"""Options that several commands have."""

from typing import Annotated

import typer

BootstrapServers = Annotated[
    str, typer.Option(envvar="SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS", help="Kafka, as host:port[,host:port].")
]
Wait = Annotated[int, typer.Option(min=0, help="Seconds to wait for the other side to answer.")]

"""`slotstream topics apply`."""

import asyncio
from dataclasses import replace
from typing import Annotated

import typer

from slotstream_cli.failures import Failure, kafka_at, retried_while_unreachable, told_plainly
from slotstream_cli.options import BootstrapServers, Wait, kafka_as_operator
from slotstream_contracts.topics import ALL_TOPICS, Topic
from slotstream_servicekit.topics import AppliedTopics, apply_topics

app = typer.Typer(no_args_is_help=True, help="Kafka topics, as the contracts declare them.")


@app.callback()
def topics() -> None:
    """Kafka topics, as the contracts declare them."""


@app.command("apply")
def apply(
    bootstrap_servers: BootstrapServers = "localhost:9092",
    replication_factor: Annotated[
        int, typer.Option(envvar="SLOTSTREAM_REPLICATION_FACTOR", min=1, help="Copies of each partition.")
    ] = 1,
    min_insync_replicas: Annotated[
        int | None,
        typer.Option(
            envvar="SLOTSTREAM_MIN_INSYNC_REPLICAS",
            min=1,
            help="Copies that must have a record before it counts as written; one less than there are, at most 2.",
        ),
    ] = None,
    partitions: Annotated[
        list[str] | None, typer.Option(help="TOPIC=NUMBER: another number of partitions; repeatable.")
    ] = None,
    wait: Wait = 0,
) -> None:
    """Create what is missing, add partitions, set configuration. Deletes nothing; safe to repeat."""
    with told_plainly():
        kafka = kafka_as_operator(bootstrap_servers)
        wanted = with_partitions(ALL_TOPICS, partitions or [])

        def work() -> AppliedTopics:
            with kafka_at(kafka):
                return asyncio.run(
                    apply_topics(
                        kafka,
                        wanted,
                        replication_factor=replication_factor,
                        min_insync_replicas=min_insync_replicas,
                    )
                )

        applied = retried_while_unreachable(work, seconds=wait, what="Kafka")
        changed = {"created": applied.created, "grown": applied.grown, "configured": applied.configured}
        for verb, names in changed.items():
            for name in names:
                typer.echo(f"{verb}: {name}")
        counts = ", ".join(f"{len(names)} {verb}" for verb, names in changed.items())
        typer.echo(f"{len(wanted)} topics: {counts}, {len(applied.unchanged)} as they were")


def with_partitions(topics: tuple[Topic, ...], choices: list[str]) -> tuple[Topic, ...]:
    """`topics` with the numbers of partitions that `choices` (TOPIC=NUMBER) name."""
    numbers: dict[str, int] = {}
    known = {topic.name for topic in topics}
    for choice in choices:
        name, _, number = choice.partition("=")
        if name not in known:
            raise Failure.usage(f"There is no topic {name!r}.")
        if not number.isdecimal() or not 1 <= int(number) <= 10_000:
            raise Failure.usage(f"--partitions {choice}: after the = stands a number from 1 on.")
        numbers[name] = int(number)
    return tuple(replace(topic, partitions=numbers.get(topic.name, topic.partitions)) for topic in topics)

"""`slotstream dlq list|show|replay|drop`: what a service could not work through."""

import asyncio
from typing import Annotated

import orjson
import typer

from slotstream_cli.failures import Failure, kafka_at, told_plainly
from slotstream_cli.options import BootstrapServers, kafka_as_operator
from slotstream_contracts.topics import COMPACTED, SERVICES
from slotstream_servicekit.dead_letters import DeadLetter, drop_dead_letters, list_dead_letters, replay_dead_letters

app = typer.Typer(no_args_is_help=True, help="Records that a service could not work through.")

ServiceName = Annotated[str, typer.Argument(help="The service that set the records aside.")]


@app.command("list")
def list_(
    service: ServiceName,
    from_offset: Annotated[int, typer.Option(min=0, help="Begin at this dead letter.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    bootstrap_servers: BootstrapServers = "localhost:9092",
) -> None:
    """List dead letters, oldest first: number, when, where from, what, whose, and why. No content is shown."""
    with told_plainly():
        letters = _read(bootstrap_servers, service, from_offset, limit)
        if not letters:
            typer.echo("no dead letters")
        for letter in letters:
            replayed = f"  (sent back {letter.replayed_at:%Y-%m-%d %H:%M:%S}Z)" if letter.replayed_at else ""
            typer.echo(
                f"{letter.offset:>6}  {letter.set_aside_at:%Y-%m-%d %H:%M:%S}Z  "
                f"{letter.topic}[{letter.partition}]@{letter.source_offset}  "
                f"{letter.type or '-'}  {letter.organization_id or '-'}  {letter.code}: {letter.detail}{replayed}"
            )
        if len(letters) == limit:
            typer.echo(f"there may be more: --from-offset {letters[-1].offset + 1}", err=True)


@app.command()
def show(
    service: ServiceName,
    number: Annotated[int, typer.Argument(min=0, help="The dead letter's number, as `list` shows it.")],
    bootstrap_servers: BootstrapServers = "localhost:9092",
) -> None:
    """Show one dead letter with its content. It may hold personal data: mind where the output goes."""
    with told_plainly():
        letters = _read(bootstrap_servers, service, number, 1)
        if not letters or letters[0].offset != number:
            raise Failure(f"There is no dead letter {number} of {service}.")
        typer.echo(described(letters[0]))


@app.command()
def replay(
    service: ServiceName,
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers, as `list` shows them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter not sent back yet.")] = False,
    bootstrap_servers: BootstrapServers = "localhost:9092",
) -> None:
    """Send dead letters back to the topics they came from. Consumers that had them already ignore them.

    A state that a newer one, or an erasure, has taken the place of is not sent back but dropped.
    """
    with told_plainly():
        if bool(numbers) == everything:
            raise Failure.usage("Name the numbers to replay, or say --all.")
        name, kafka = _known(service), kafka_as_operator(bootstrap_servers)
        with kafka_at(kafka):
            done = asyncio.run(replay_dead_letters(kafka, name, numbers or None, compacted=COMPACTED))
        typer.echo(f"{done.sent} sent back")
        if done.outdated:
            typer.echo(f"{done.outdated} dropped: something newer has taken their place")
        if numbers and done.sent + done.outdated < len(set(numbers)):
            raise Failure(f"{len(set(numbers)) - done.sent - done.outdated} of them are not there.")


@app.command()
def drop(
    service: ServiceName,
    numbers: Annotated[list[int], typer.Argument(help="Numbers, as `list` shows them.")],
    bootstrap_servers: BootstrapServers = "localhost:9092",
) -> None:
    """Be done with dead letters that nobody will send back: they are listed and replayed no more."""
    with told_plainly():
        name, kafka = _known(service), kafka_as_operator(bootstrap_servers)
        with kafka_at(kafka):
            dropped = asyncio.run(drop_dead_letters(kafka, name, numbers))
        typer.echo(f"{dropped} dropped")
        if dropped < len(set(numbers)):
            raise Failure(f"{len(set(numbers)) - dropped} of them are not there.")


def _read(bootstrap_servers: str, service: str, from_offset: int, limit: int) -> list[DeadLetter]:
    name, kafka = _known(service), kafka_as_operator(bootstrap_servers)
    with kafka_at(kafka):
        return asyncio.run(list_dead_letters(kafka, name, from_offset=from_offset, limit=limit))


def _known(service: str) -> str:
    name = service.replace("-", "_")
    if name not in SERVICES:
        raise Failure.usage(f"There is no service {service!r}. There are: {', '.join(SERVICES)}.")
    return name


def described(letter: DeadLetter) -> str:
    """The dead letter as readable JSON; bytes that are no text are shown escaped."""
    content = {
        "number": letter.offset,
        "from": {"topic": letter.topic, "partition": letter.partition, "offset": letter.source_offset},
        "set_aside_at": letter.set_aside_at,
        "replayed_at": letter.replayed_at,
        "organization": letter.organization_id,
        "type": letter.type,
        "cause": {"code": letter.code, "detail": letter.detail, "handler": letter.handler},
        "key": _text(letter.key),
        "headers": {name: _text(value) for name, value in letter.headers},
        "value": _value(letter.value),
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _value(value: bytes | None) -> object:
    try:
        return None if value is None else orjson.loads(value)
    except orjson.JSONDecodeError:
        return _text(value)

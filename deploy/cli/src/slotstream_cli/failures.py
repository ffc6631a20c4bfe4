"""How the command line fails: one clear sentence on standard error and an exit code that says what kind."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

import asyncpg
import typer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from slotstream_servicekit.errors import DatabaseUnavailableError, SlotstreamError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.refusals import HANGS_UP, refusal_of
from slotstream_servicekit.telemetry.logs import redacted

WORK_FAILED = 1
USAGE = 2
UNREACHABLE = 3

ResultT = TypeVar("ResultT")


class Failure(Exception):  # noqa: N818 - it is an answer to the operator, not a defect
    """A sentence for the operator, the exit code, and whether the same may succeed a moment later."""

    def __init__(self, sentence: str, exit_code: int = WORK_FAILED, *, may_pass: bool = False) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.may_pass = may_pass or exit_code == UNREACHABLE

    @classmethod
    def usage(cls, sentence: str) -> Self:
        return cls(sentence, USAGE)

    @classmethod
    def unreachable(cls, sentence: str) -> Self:
        return cls(sentence, UNREACHABLE)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns a Failure, or one of our own errors, into its sentence and exit code."""
    try:
        yield
    except Failure as failure:
        typer.echo(f"slotstream: {failure}", err=True)
        raise typer.Exit(failure.exit_code) from None
    except SlotstreamError as error:
        typer.echo(f"slotstream: {error.detail or error.code}", err=True)
        raise typer.Exit(WORK_FAILED) from None


@contextmanager
def kafka_at(kafka: KafkaConnection) -> Iterator[None]:
    """Says in a sentence that Kafka does not answer, does not let in, or what it objects to."""
    try:
        yield
    except (KafkaConnectionError, KafkaTimeoutError, OSError):
        refusal = asyncio.run(refusal_of(kafka))
        if refusal is not None and refusal != HANGS_UP:
            raise Failure(f"Kafka at {kafka.bootstrap_servers} does not let you in: {refusal}") from None
        raise Failure.unreachable(
            f"Kafka does not answer at {kafka.bootstrap_servers}. Is it running, and is "
            f"SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS (or --bootstrap-servers) right?{f' {refusal}.' if refusal else ''}"
        ) from None
    except KafkaError as error:
        raise Failure(f"Kafka at {kafka.bootstrap_servers} refused: {error}") from None


@contextmanager
def database_at(url: str, variable: str) -> Iterator[None]:
    """Says in a sentence that the database does not answer, or what it objects to; never the password."""
    place = make_url(url).render_as_string(hide_password=True)
    try:
        yield
    except (DatabaseUnavailableError, OSError) as error:
        cause = error.__cause__ or error
        raise Failure.unreachable(
            f"The database at {place} does not answer ({type(cause).__name__}). Is it running, and is {variable} right?"
        ) from None
    except (DBAPIError, asyncpg.PostgresError) as error:
        original = getattr(error, "orig", None) or error
        raise Failure(
            f"The database at {place} refused: {_first_line(original)}", may_pass=_is_not_made_yet(original)
        ) from None


def _is_not_made_yet(error: BaseException) -> bool:
    """Whether database, role or its password may just be about to be made, as when everything starts at once."""
    cause = error.__cause__ or error
    return isinstance(cause, asyncpg.InvalidCatalogNameError | asyncpg.InvalidAuthorizationSpecificationError)


def _first_line(error: BaseException) -> str:
    return redacted(str(error).splitlines()[0] if str(error) else type(error).__name__)


def retried_while_unreachable(work: Callable[[], ResultT], *, seconds: float, what: str) -> ResultT:
    """Repeats `work` while its target is unreachable, or not made yet, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    told = False
    while True:
        try:
            return work()
        except Failure as failure:
            if not failure.may_pass or time.monotonic() >= deadline:
                raise
        if not told:
            typer.echo(f"waiting for {what} …", err=True)
            told = True
        time.sleep(0.5)

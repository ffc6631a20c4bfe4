"""`slotstream rebuild`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from slotstream_cli.failures import Failure, database_at, kafka_at, told_plainly
from slotstream_cli.services import installed, kafka_of, settings_of, variable_of
from slotstream_contracts.envelope import parse
from slotstream_servicekit.database import Database
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.rebuild import Projection, RebuildReport, rebuild
from slotstream_servicekit.settings import ServiceSettings


def rebuild_service(
    service: Annotated[str, typer.Argument(help="The service whose projections to rebuild.")],
    projection: Annotated[list[str] | None, typer.Option(help="Only this projection; repeatable.")] = None,
    sweep_most: Annotated[bool, typer.Option("--sweep-most", help="Even if more than half of a table goes.")] = False,
) -> None:
    """Read a service's projections anew from offset zero, while it runs, and sweep what no record vouches for."""
    with told_plainly():
        found = installed(service)
        wanted = _wanted(found.name, found.projections(), projection or [])
        settings = settings_of(found)
        kafka = kafka_of(settings)
        with (
            kafka_at(kafka),
            database_at(settings.database_url, variable_of(found, "database_url")),
        ):
            reports = asyncio.run(_rebuild(found.name, wanted, settings, kafka, sweep_most=sweep_most))
        for each in reports:
            typer.echo(
                f"{each.projection}: {each.applied} records applied, {each.swept} stale rows removed, "
                f"{each.unreadable} records unreadable"
            )


def _wanted(service: str, declared: Sequence[Projection], names: list[str]) -> list[Projection]:
    known = {each.name: each for each in declared}
    if not known:
        raise Failure(f"{service} keeps no projections.")
    if unknown := [name for name in names if name not in known]:
        raise Failure.usage(f"{service} has no projection {unknown[0]!r}. It has: {', '.join(known)}.")
    return [known[name] for name in names or known]


async def _rebuild(
    service: str,
    projections: Sequence[Projection],
    settings: ServiceSettings,
    kafka: KafkaConnection,
    *,
    sweep_most: bool,
) -> list[RebuildReport]:
    database = Database.connect(
        settings.database_url,
        pool_size=2,
        application_name=f"slotstream-rebuild-{service}",
        limits=settings.maintenance_database_limits,
    )
    decode: Any = parse
    try:
        return [
            await rebuild(
                each,
                database=database,
                kafka=kafka,
                decode=decode,
                sweep_most=sweep_most,
            )
            for each in projections
        ]
    finally:
        await database.dispose()

"""`slotstream migrate`."""

from functools import partial
from typing import Annotated, Any

import typer
from alembic.util import CommandError
from pydantic import ValidationError

from slotstream_cli.failures import Failure, database_at, retried_while_unreachable, told_plainly
from slotstream_cli.options import Wait
from slotstream_cli.services import chosen, setting, variable_of
from slotstream_servicekit.migrations import DEFAULT_LIMITS, upgrade
from slotstream_servicekit.runtime import Service
from slotstream_servicekit.settings import DatabaseLimits, checked_database_url

FIELD = "owner_database_url"
LIMITS = "maintenance_database_limits"


def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Which services; all, if none is named.")] = None,
    wait: Wait = 0,
) -> None:
    """Bring each service's database to its newest revision, as <SERVICE>_OWNER_DATABASE_URL says."""
    with told_plainly():
        wanted = [(service, _owner_url(service), _limits(service)) for service in chosen(services)]
        for service, url, limits in wanted:
            work = partial(_migrate, service, url, limits)
            retried_while_unreachable(work, seconds=wait, what=f"{service.name}'s database")
            typer.echo(f"{service.name}: up to date")


def _owner_url(service: Service[Any]) -> str:
    url = setting(service, FIELD)
    if not url:
        raise Failure.usage(
            f"{variable_of(service, FIELD)} is not set: the URL of {service.name}'s database with the role "
            f"{service.name}_owner."
        )
    try:
        return checked_database_url(url)
    except ValueError as error:
        raise Failure.usage(f"{variable_of(service, FIELD)}: {error}.") from None


def _limits(service: Service[Any]) -> DatabaseLimits:
    given = setting(service, LIMITS)
    if not given:
        return DEFAULT_LIMITS
    try:
        return DatabaseLimits.model_validate_json(given)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Failure.usage(f"{variable_of(service, LIMITS)} is wrong: {faults}") from None


def _migrate(service: Service[Any], url: str, limits: DatabaseLimits) -> None:
    if not service.migrations.is_dir():
        raise Failure(f"{service.name} has no migrations at {service.migrations}.")
    with database_at(url, variable_of(service, FIELD)):
        try:
            upgrade(service.migrations, url, limits=limits)
        except CommandError as error:
            raise Failure(f"{service.name}'s database cannot be migrated by this version: {error}") from None

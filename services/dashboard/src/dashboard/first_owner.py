"""`slotstream-first-owner`: makes an organization's first owner, and prints the link that lets them in, once.

There is no default password. As long as nobody has opened the link, another call gives another one, and the earlier
is dead; once an owner can sign in it makes nothing.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from dashboard.domain.sessions import new_secret
from dashboard.domain.users import normal_email
from dashboard.settings import DashboardSettings
from dashboard.usecases.organizations import create_first_owner
from slotstream_servicekit.clock import system_clock
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import Database
from slotstream_servicekit.ids import new_id

_LIFETIME: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOwner:
    organization_id: UUID
    name: str
    email: str


async def make_first_owner(settings: DashboardSettings, wanted: FirstOwner) -> str | None:
    """The link, valid for a day and once; None where the organization has an owner who can sign in."""
    secret, now = new_secret(), system_clock()
    context = Context(
        organization_id=wanted.organization_id,
        actor=Actor(type="system", id="first-owner"),
        cause=Cause(correlation_id=str(new_id())),
        now=now,
    )
    database = Database.connect(settings.database_url, pool_size=1, application_name="dashboard-first-owner")
    try:
        async with database.transaction(wanted.organization_id) as session:
            owner = await create_first_owner(
                session=session,
                context=context,
                name=wanted.name,
                email=normal_email(wanted.email),
                secret=secret,
                lifetime=_LIFETIME,
            )
    finally:
        await database.dispose()
    return f"{settings.public_url.rstrip('/')}/invitation/{secret}" if owner is not None else None


def main() -> None:
    """Prints the link alone, or nothing where it is not needed any more. Exit codes: 0 done, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="slotstream-first-owner", description=__doc__)
    parser.add_argument("--organization", type=UUID, required=True, help="the organization's id")
    parser.add_argument("--name", default="", help="what the organization is called")
    parser.add_argument("--email", required=True, help="the owner's address")
    arguments = parser.parse_args()
    if "@" not in arguments.email:
        parser.error("--email is not an address")
    wanted = FirstOwner(organization_id=arguments.organization, name=arguments.name, email=arguments.email)
    link = asyncio.run(make_first_owner(DashboardSettings(), wanted))
    if link is not None:
        sys.stdout.write(f"{link}\n")

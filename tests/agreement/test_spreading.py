"""What keeps these databases on one server is what docs/spreading.md says, and nothing else."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from slotstream_servicekit.testing.plugin import FreshDatabaseFactory
from slotstream_servicekit.testing.spreading import not_by_organization

pytestmark = pytest.mark.service

PAGE: Final = Path(__file__).parents[2] / "docs/spreading.md"
_OF_ONE_SERVER: Final = {"table alembic_version", "primary key outbox_pkey", "counter outbox.seq"}
NOT_BY_ORGANIZATION: Final[Mapping[str, frozenset[str]]] = {
    "booking": frozenset(
        {
            *_OF_ONE_SERVER,
            "table inbox",
            "primary key appointments_pkey",
            "unique actions_id_key",
            "unique businesses_id_key",
            "unique clients_id_key",
            "unique holds_id_key",
            "unique resources_id_key",
            "unique series_id_key",
            "unique services_id_key",
            "unique waiting_list_entries_id_key",
            "function existing_appointments",
        }
    ),
    "availability": frozenset(_OF_ONE_SERVER),
    "notifications": frozenset(
        {
            *_OF_ONE_SERVER,
            "table erased_clients",
            "table mail_domains",
            "table number_opt_outs",
            "table provider_calls",
        }
    ),
}


@pytest.mark.parametrize("service", NOT_BY_ORGANIZATION)
async def test_every_key_carries_the_organization_but_for_those_that_are_told(
    fresh_database: FreshDatabaseFactory, service: str
) -> None:
    assert await not_by_organization(fresh_database(service)) == NOT_BY_ORGANIZATION[service]


def test_the_page_gives_each_of_them_its_reason() -> None:
    rows = re.findall(r"^\| ([^|]*`[^|]*) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"id", "seq", "messages", "catalogue"}
    names = {name.split()[-1].partition(".")[0] for name in frozenset().union(*NOT_BY_ORGANIZATION.values())}
    assert told == {name.removesuffix("_id_key").removesuffix("_pkey") for name in names}

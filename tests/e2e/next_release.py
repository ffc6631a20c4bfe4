"""A next release, made up from this one: every table has a column more, every message an attribute and a field more.

It differs in nothing else, so that whatever goes wrong beside it, before it or after it is the fault of how releases
follow each other.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from checker.evidence.database import query
from harness.platform import Platform

from slotstream_cli.services import installed
from slotstream_contracts.topics import SERVICES
from slotstream_servicekit.revisions import needed_revisions

MARK = " next"
"""Behind the name of a process in the column that tells who wrote a row: those of before have no name in it."""
FIELD = "saidby"

_REVISION = '''"""Who wrote a row of {table}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{former}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("{table}", sa.Column("written_by", sa.Text(), nullable=True))
    op.execute("ALTER TABLE {table} ALTER written_by SET DEFAULT current_setting('application_name')")
'''

_CODE = """
import json
from pathlib import Path
from slotstream_contracts.envelope import Envelope
from slotstream_servicekit.database import Database
from slotstream_servicekit.runtime import Service

def to_json(self, said=Envelope.to_json):
    message = json.loads(said(self))
    return json.dumps(message | {{"{field}": "{mark}", "data": message["data"] | {{"{field}": "{mark}"}}}}).encode()

def connect(cls, url, *, application_name="", connected=Database.connect.__func__, **more):
    return connected(cls, url, application_name=application_name + "{mark}", **more)

Envelope.to_json = to_json
Database.connect = classmethod(connect)
Service.migrations = property(lambda self: Path("{folder}") / self.name)
"""


TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version' ORDER BY 1
"""
"""The tables of a service, in the order in which each gets its revision."""


async def write_next_release(platform: Platform, folder: Path) -> str:
    """Its migrations, of one table each, go to `folder`; what makes a process one of it is returned as Python."""
    write_migrations(folder, {name: await _tables(platform, name) for name in SERVICES})
    return code_of_next_release(folder)


def write_migrations(folder: Path, tables: Mapping[str, Sequence[str]]) -> None:
    """Into a folder of each service's name: what it has, and a revision more for each of its tables."""
    for name, own in tables.items():
        service = installed(name)
        migrations = folder / service.name
        shutil.copytree(service.migrations, migrations, ignore=shutil.ignore_patterns("__pycache__"))
        former = needed_revisions(migrations)[-1]
        for table in own:
            revision = f"{int(former) + 1:04}"
            text = _REVISION.format(table=table, revision=revision, former=former)
            (migrations / "versions" / f"{revision}_{table}.py").write_text(text)
            former = revision


def code_of_next_release(folder: Path) -> str:
    """Run first in a process, it makes it one of the next release, whose migrations are in `folder`."""
    return _CODE.format(folder=folder, mark=MARK, field=FIELD)


async def written_by(platform: Platform, service: str) -> set[str | None]:
    """By whom there are rows in the service's tables."""
    tables = await _tables(platform, service)
    named = " UNION ".join(f'SELECT written_by FROM "{table}"' for table in tables)
    return {row[0] for row in await query(platform, service, named)}


async def _tables(platform: Platform, service: str) -> list[str]:
    return [row[0] for row in await query(platform, installed(service).name, TABLES)]

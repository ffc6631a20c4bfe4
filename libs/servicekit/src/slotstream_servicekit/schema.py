"""A service's database as its code declares it: tables, and what stands beside them.

Migrations make the same thing step by step; `testing.schema` holds the two equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, text

from slotstream_servicekit.database import EVERY_TENANT, TENANT_SETTING

TENANT_POLICY = (
    f"current_setting('{TENANT_SETTING}', true) = '{EVERY_TENANT}' "
    f"OR organization_id = nullif(nullif(current_setting('{TENANT_SETTING}', true), ''), '{EVERY_TENANT}')::uuid"
)
PRIVILEGES = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSchema:
    """`tenant_tables` are guarded by row-level security; the application's role may use them and `shared_tables`.

    `before` is SQL that the tables need (extensions, types), `after` what needs the tables (functions, triggers,
    grants of its own), one statement each.
    """

    service: str
    metadata: MetaData
    tenant_tables: Sequence[str]
    shared_tables: Sequence[str] = ()
    before: Sequence[str] = ()
    after: Sequence[str] = ()

    def create(self, connection: Connection) -> None:
        """Makes everything in an empty database, as its owner."""
        for statement in self.before:
            connection.execute(text(_literal(statement)))
        self.metadata.create_all(connection)
        for statement in (*tenant_isolation(self.tenant_tables), *self._grants(), *self.after):
            connection.execute(text(_literal(statement)))

    def _grants(self) -> list[str]:
        tables = [*self.tenant_tables, *self.shared_tables]
        return [f"GRANT {PRIVILEGES} ON {', '.join(tables)} TO {self.service}_app"] if tables else []


def tenant_isolation(tables: Sequence[str]) -> list[str]:
    """Statements by which rows are visible and writable only to the organization a transaction is bound to."""
    return [
        statement
        for table in tables
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant ON {table} USING ({TENANT_POLICY}) WITH CHECK ({TENANT_POLICY})",
        )
    ]


def _literal(statement: str) -> str:
    """The statement with its colons escaped: it has no parameters."""
    return statement.replace(":", r"\:")

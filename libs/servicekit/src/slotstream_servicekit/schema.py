"""The database schema of a service as its code declares it: tables, policies and functions.

The migrations make the same schema step by step, and `testing.schema` compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, DateTime, MetaData, text

from slotstream_servicekit.database import EVERY_TENANT, TENANT_SETTING
from slotstream_servicekit.limits import BUSINESSES_SETTING, LIMITED_SETTING, RESOURCE_SETTING

TENANT_POLICY = (
    f"current_setting('{TENANT_SETTING}', true) = '{EVERY_TENANT}' "
    f"OR organization_id = nullif(nullif(current_setting('{TENANT_SETTING}', true), ''), '{EVERY_TENANT}')::uuid"
)
PRIVILEGES = "SELECT, INSERT, UPDATE, DELETE"
LIMIT_BUSINESSES = f"nullif(current_setting('{BUSINESSES_SETTING}', true), '')::uuid[]"
"""SQL for the businesses that the transaction is limited to; NULL means all."""
LIMIT_RESOURCE = f"nullif(current_setting('{RESOURCE_SETTING}', true), '')::uuid"
"""SQL for the resource that the transaction is limited to; NULL means all."""


def instant(name: str, *, nullable: bool = False) -> Column[datetime]:
    """A column of aware UTC times."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLimit:
    """Which rows of a table a limited transaction sees and writes, as SQL conditions on a row.

    `business` holds where the row is of a business in LIMIT_BUSINESSES, `calendar` where it is of LIMIT_RESOURCE.
    `command` is ALL, or SELECT where rows are written only beside others that are limited themselves. `writes` is
    what a written row must meet, where it is not the same.
    """

    table: str
    business: str | None = None
    calendar: str | None = None
    command: str = "ALL"
    writes: str | None = None

    def statement(self) -> str:
        """The policy, which applies in addition to that of the tenant."""
        conditions = [
            f"({unlimited} IS NULL OR {condition})"
            for unlimited, condition in ((LIMIT_BUSINESSES, self.business), (LIMIT_RESOURCE, self.calendar))
            if condition is not None
        ]
        check = f" WITH CHECK ({_where_limited(self.writes)})" if self.writes is not None else ""
        return (
            f"CREATE POLICY limits ON {self.table} AS RESTRICTIVE FOR {self.command}"
            f" USING ({_where_limited(' AND '.join(conditions))}){check}"
        )


def _where_limited(condition: str) -> str:
    """The condition, for limited transactions only. CASE skips it for all others; IS NOT NULL makes the planner expect
    that nearly all rows pass, so that it chooses the same plans as without limits.
    """
    unlimited = f"coalesce(current_setting('{LIMITED_SETTING}', true), '') = ''"
    return f"CASE WHEN {unlimited} THEN true WHEN {condition} THEN true END IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSchema:
    """The schema. `tenant_tables` have row-level security. The application may use them and `shared_tables`.

    `before`: statements that the tables need (extensions, types). `after`: statements that need the tables (functions,
    triggers, grants). `limits`: policies that narrow what limited callers see; they are created last.
    """

    service: str
    metadata: MetaData
    tenant_tables: Sequence[str]
    shared_tables: Sequence[str] = ()
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    limits: Sequence[RowLimit] = ()

    def create(self, connection: Connection) -> None:
        """Creates the whole schema in an empty database, as its owner."""
        for statement in self.before:
            connection.execute(text(_literal(statement)))
        self.metadata.create_all(connection)
        for statement in (*tenant_isolation(self.tenant_tables), *self._grants(), *self.after, *self._limits()):
            connection.execute(text(_literal(statement)))

    def _limits(self) -> list[str]:
        return [limit.statement() for limit in self.limits]

    def _grants(self) -> list[str]:
        tables = [*self.tenant_tables, *self.shared_tables]
        return [f"GRANT {PRIVILEGES} ON {', '.join(tables)} TO {self.service}_app"] if tables else []


def tenant_isolation(tables: Sequence[str]) -> list[str]:
    """Statements that make rows visible and writable only for the organization of the transaction."""
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
    """The statement with escaped colons, because it has no parameters."""
    return statement.replace(":", r"\:")

"""One metadata, and the columns that tables share."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Numeric, Text, Uuid, text
from sqlalchemy.types import TypeEngine

from booking.domain.appointments import Stored

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)


def organization() -> Column[Any]:
    return Column("organization_id", Uuid, nullable=False)


def instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def last_failure() -> tuple[Column[Any], ...]:
    """That the worker could not do it the last time, as a code and not in words, which may be about people."""
    return Column("failure_code", Text), instant("failed_at", nullable=True)


def versioned() -> tuple[Column[Any], ...]:
    return (
        Column("archived", Boolean, nullable=False, server_default=text("false")),
        instant("created_at"),
        instant("updated_at"),
        Column("version", Integer, nullable=False, server_default=text("1")),
    )


_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    "uuid": Uuid(),
    "text": Text(),
    "timestamptz": DateTime(timezone=True),
    "integer": Integer(),
    "boolean": Boolean(),
    "numeric": Numeric(),
}


def columns_of(declared: Mapping[str, Stored]) -> tuple[Column[Any], ...]:
    """The columns of fields that are declared in the domain."""
    return tuple(Column(name, _TYPES[kept.type], nullable=kept.nullable) for name, kept in declared.items())

"""One metadata, and the columns that tables share."""

from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Uuid, text

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


def versioned() -> tuple[Column[Any], ...]:
    return (
        Column("archived", Boolean, nullable=False, server_default=text("false")),
        instant("created_at"),
        instant("updated_at"),
        Column("version", Integer, nullable=False, server_default=text("1")),
    )

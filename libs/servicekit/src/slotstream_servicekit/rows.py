"""Dataclasses as rows, and rows by the names of their columns."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from sqlalchemy import Table


def columns_of(row: "DataclassInstance") -> dict[str, Any]:
    """The fields by name, as they are. `dataclasses.asdict` copies every value deeply: dearer than writing the row."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def named_columns(table: "Table", row: str | None = None) -> str:
    """All that the code knows of a table, for a SELECT. `row` is what the statement calls it.

    In place of `*`, which brings what a later release adds too: a statement that was prepared before fails after that.
    """
    return ", ".join(f"{row or table.name}.{column.name}" for column in table.columns)

"""Dataclasses as rows, and the columns of a table by name."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from sqlalchemy import Table


def columns_of(row: "DataclassInstance") -> dict[str, Any]:
    """The fields by name, without copies: the deep copies of `dataclasses.asdict` cost more than writing the row."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def named_columns(table: "Table", row: str | None = None) -> str:
    """All columns of a table that the code knows, for a SELECT. `row`: the alias of the table in the statement.

    In place of `*`, which brings what a later release adds too: a statement that was prepared before fails after that.
    """
    return ", ".join(f"{row or table.name}.{column.name}" for column in table.columns)

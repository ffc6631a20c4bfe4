"""Dataclasses as rows."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def columns_of(row: "DataclassInstance") -> dict[str, Any]:
    """The fields by name, as they are. `dataclasses.asdict` copies every value deeply: dearer than writing the row."""
    return {field.name: getattr(row, field.name) for field in fields(row)}

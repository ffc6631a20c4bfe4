"""What all tables share."""

from typing import Any

from sqlalchemy import Column, DateTime, MetaData

metadata = MetaData()


def instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)

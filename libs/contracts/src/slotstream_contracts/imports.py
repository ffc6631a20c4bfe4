"""`slotstream.imports.v1`: the course of an import."""

from typing import ClassVar
from uuid import UUID

from slotstream_contracts.base import Actor, Instant, Message
from slotstream_contracts.topics import IMPORTS, Topic


class ImportEvent(Message):
    topic: ClassVar[Topic] = IMPORTS

    import_id: UUID
    organization_id: UUID
    business_id: UUID
    rows: int
    ok: int = 0
    warnings: int = 0
    conflicts: int = 0
    invalid: int = 0
    booked: int = 0
    failed: int = 0
    actor: Actor
    occurred_at: Instant


class ImportUploaded(ImportEvent):
    type: ClassVar[str] = "slotstream.import.uploaded"


class ImportChecked(ImportEvent):
    type: ClassVar[str] = "slotstream.import.checked"


class ImportConfirmed(ImportEvent):
    type: ClassVar[str] = "slotstream.import.confirmed"


class ImportFinished(ImportEvent):
    type: ClassVar[str] = "slotstream.import.finished"


class ImportUndone(ImportEvent):
    type: ClassVar[str] = "slotstream.import.undone"


class ImportCancelled(ImportEvent):
    """Ended before anything was booked."""

    type: ClassVar[str] = "slotstream.import.cancelled"

"""What one process remembers between requests. Everything in it can be lost, and nothing in it is trusted
before the organization's counters have been compared.
"""

from collections import OrderedDict
from typing import NamedTuple
from uuid import UUID

from availability.domain import Directory
from availability.storage.reads import Versions, load_directory
from slotstream_servicekit.database import Database


class Answer(NamedTuple):
    """A finished answer: true for these counters, and until the clock (epoch seconds) reaches `valid_until`."""

    versions: Versions
    valid_until: int
    body: bytes
    packed: bytes
    """The same, compressed with gzip: slots of a month are a tenth as long, and most clients take them so."""

    @property
    def size(self) -> int:
        return len(self.body) + len(self.packed)


class AnswerCache:
    """Finished answers by organization and query, the least recently used forgotten first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[tuple[UUID, bytes], Answer] = OrderedDict()

    def get(self, organization_id: UUID, query: bytes, versions: Versions, now: int) -> Answer | None:
        found = self._answers.get((organization_id, query))
        if found is None or found.versions != versions or now >= found.valid_until:
            return None
        self._answers.move_to_end((organization_id, query))
        return found

    def put(self, organization_id: UUID, query: bytes, answer: Answer) -> None:
        replaced = self._answers.pop((organization_id, query), None)
        self._bytes += answer.size - (replaced.size if replaced else 0)
        self._answers[organization_id, query] = answer
        while self._bytes > self._max_bytes and self._answers:
            _, forgotten = self._answers.popitem(last=False)
            self._bytes -= forgotten.size


class DirectoryCache:
    """Each organization's directory as of its counter of rules."""

    def __init__(self, database: Database, max_organizations: int = 256) -> None:
        self._database = database
        self._max_organizations = max_organizations
        self._directories: OrderedDict[UUID, tuple[int, Directory]] = OrderedDict()

    async def get(self, organization_id: UUID, versions: Versions) -> Directory:
        found = self._directories.get(organization_id)
        if found is not None and found[0] == versions.rules:
            self._directories.move_to_end(organization_id)
            return found[1]
        async with self._database.transaction(organization_id) as session:
            directory = await load_directory(session, organization_id)
        self._directories[organization_id] = versions.rules, directory
        self._directories.move_to_end(organization_id)
        while len(self._directories) > self._max_organizations:
            self._directories.popitem(last=False)
        return directory

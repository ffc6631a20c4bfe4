"""Where the words of a search are found: clients by the index that matching_clients() reads, services by name.

Row-level security lets an index serve leakproof operators only, and LIKE is not one: hence the function. A word
that many clients have is compared row by row instead: a page full of results is then near at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from booking.domain.clients import search_words

MOST_CLIENTS = 1_000


@dataclass(frozen=True, slots=True)
class WordMatch:
    """One word and who has it; `client_ids` None: more clients than are worth listing."""

    pattern: str
    client_ids: Sequence[UUID] | None
    service_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class TextMatch:
    """All words of a text. `custom_names`: whether there are appointments whose service is not in the catalogue."""

    words: Sequence[WordMatch] = ()
    custom_names: bool = False


async def match_text(connection: Any, organization_id: UUID, text: str | None) -> TextMatch:
    words = search_words(text)
    if not words:
        return TextMatch()
    custom_names = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM appointments WHERE organization_id = $1 AND service_id IS NULL)", organization_id
    )
    found = [await _match_word(connection, organization_id, like_pattern(word)) for word in words]
    return TextMatch(words=found, custom_names=bool(custom_names))


async def _match_word(connection: Any, organization_id: UUID, pattern: str) -> WordMatch:
    services = await connection.fetch(
        "SELECT id FROM services WHERE organization_id = $1 AND lower(name) LIKE $2", organization_id, pattern
    )
    return WordMatch(
        pattern=pattern,
        client_ids=await match_clients(connection, [pattern]),
        service_ids=[row["id"] for row in services],
    )


async def match_clients(connection: Any, patterns: Sequence[str]) -> list[UUID] | None:
    """The transaction's organization's clients who match all patterns; None where they are too many to list."""
    rows = await connection.fetch(
        "SELECT matching_clients($1, $2, $3) AS id", patterns[0], list(patterns[1:]), MOST_CLIENTS + 1
    )
    return [row["id"] for row in rows] if len(rows) <= MOST_CLIENTS else None


def like_pattern(word: str) -> str:
    """LIKE for a part of a word; what LIKE would read as a wildcard stands for itself."""
    return "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"

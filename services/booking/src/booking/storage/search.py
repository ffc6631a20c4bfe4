"""Which clients and services have the words of a search.

Clients are found by the index that the function matching_clients() reads, services by name.

Row-level security lets an index serve leakproof operators only, and LIKE is not one: hence the function. A word
that many clients have is compared row by row instead: a page full of results is then near at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from booking.domain.search import folded, search_words
from slotstream_servicekit.database import Connection

MOST_CLIENTS = 1_000
MOST_NAMES = 500
FEW_CLIENTS = 100
"""So few that their appointments are soon compared with the other words."""

_CUSTOM_NAMES = """
WITH RECURSIVE names AS (
    (SELECT service_name FROM appointments WHERE organization_id = $1 AND service_id IS NULL
     ORDER BY service_name LIMIT 1)
    UNION ALL
    SELECT (SELECT a.service_name FROM appointments a WHERE a.organization_id = $1 AND a.service_id IS NULL
              AND a.service_name > names.service_name ORDER BY a.service_name LIMIT 1)
    FROM names WHERE names.service_name IS NOT NULL
)
SELECT service_name FROM names WHERE service_name IS NOT NULL LIMIT $2
"""
"""From one name to the next by the index, however many appointments have it."""


@dataclass(frozen=True, slots=True)
class WordMatch:
    """One word and who has it. None of `client_ids` or `custom_names`: more than are worth listing, or not needed."""

    pattern: str
    client_ids: Sequence[UUID] | None
    service_ids: Sequence[UUID]
    custom_names: Sequence[str] | None
    """Of services that are not in the catalogue."""

    @property
    def is_narrow(self) -> bool:
        """Whether few clients have the word, and nothing else."""
        few = self.client_ids is not None and len(self.client_ids) <= FEW_CLIENTS
        return few and self.custom_names == [] and not self.service_ids


async def match_text(connection: Connection, organization_id: UUID, text: str | None) -> list[WordMatch]:
    """One entry per word of the text, numbers and then long words first, which few clients have.

    Once one is narrow, the clients of the others are not looked for.
    """
    words = sorted(search_words(text), key=lambda word: (any(map(str.isdigit, word)), len(word)), reverse=True)
    if not words:
        return []
    rows = await connection.fetch(_CUSTOM_NAMES, organization_id, MOST_NAMES + 1)
    names = [row["service_name"] for row in rows] if len(rows) <= MOST_NAMES else None
    services = await connection.fetch("SELECT id, name FROM services WHERE organization_id = $1", organization_id)
    folded_services = [(row["id"], folded(row["name"])) for row in services]
    matches: list[WordMatch] = []
    for word in words:
        narrow = any(match.is_narrow for match in matches)
        pattern = like_pattern(word)
        matches.append(
            WordMatch(
                pattern=pattern,
                client_ids=None if narrow else await match_clients(connection, [pattern]),
                service_ids=[service_id for service_id, name in folded_services if word in name],
                custom_names=None if names is None else [name for name in names if word in folded(name)],
            )
        )
    return matches


async def match_clients(connection: Connection, patterns: Sequence[str]) -> list[UUID] | None:
    """The transaction's organization's clients who match all patterns; None where they are too many to list."""
    rows = await connection.fetch(
        "SELECT matching_clients($1, $2, $3) AS id", patterns[0], list(patterns[1:]), MOST_CLIENTS + 1
    )
    return [row["id"] for row in rows] if len(rows) <= MOST_CLIENTS else None


def like_pattern(word: str) -> str:
    """LIKE for a part of a word; what LIKE would read as a wildcard stands for itself."""
    return "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"

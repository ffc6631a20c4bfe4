"""Mail domains: how much of them is taken, which rest, and what waits for them, in the database for all workers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain.mail_domains import DOMAIN_LIMITED, MailDomain, line_of
from notifications.domain.messages import Kind, Message, Status
from notifications.domain.send_limits import Taken
from notifications.storage.tables import mail_domains, messages

WAITS: Final = "the recipient's mail domain takes no more for now"
_MOST_LOOKED_AT: Final = 5_000
"""In one statement. What is left over is met by the next claim."""

_IN_LINE = text(
    """
    SELECT l.line, l.organization_id
    FROM unnest(CAST(:lines AS text[]), CAST(:organization_ids AS uuid[])) AS l(line, organization_id)
    WHERE EXISTS (
        SELECT FROM messages m WHERE m.status = 'planned' AND m.mail_line = l.line
        AND m.organization_id = l.organization_id AND m.next_attempt_at > :now
    )
    """
)

LINE_UP = text(
    """
    WITH due AS MATERIALIZED (
        SELECT m.organization_id, m.id, m.client_id, m.audience, m.mail_line FROM messages m
        WHERE m.status = 'planned' AND m.next_attempt_at <= :now
        AND m.channel = 'email' AND m.kind = ANY(CAST(:kinds AS text[]))
        ORDER BY m.next_attempt_at LIMIT :most
    ), theirs AS MATERIALIZED (
        SELECT b.organization_id, b.id
        FROM unnest(CAST(:organization_ids AS uuid[]), CAST(:ids AS uuid[])) AS b(organization_id, id)
        UNION
        SELECT d.organization_id, d.id FROM due d
        LEFT JOIN clients c ON d.audience = 'client' AND c.merged_into IS NULL
            AND c.organization_id = d.organization_id AND c.id = d.client_id
        WHERE (d.mail_line = :line OR lower(substring(c.email FROM '@([^@]+)$')) = :domain)
        AND NOT EXISTS (
            SELECT FROM channel_accounts a WHERE a.organization_id = d.organization_id AND a.provider = 'smtp'
        )
    ), waiting AS MATERIALIZED (
        SELECT m.organization_id, m.id, m.next_attempt_at, m.due_at, m.mail_line IS NOT NULL AS stands
        FROM messages m JOIN theirs t ON t.organization_id = m.organization_id AND t.id = m.id
        WHERE m.status = 'planned' OR (m.status = 'claimed' AND m.claim = CAST(:claim AS uuid))
        FOR UPDATE OF m SKIP LOCKED
    ), ends AS MATERIALIZED (
        SELECT o.organization_id, (
            SELECT max(h.next_attempt_at) FROM messages h
            WHERE h.status = 'planned' AND h.mail_line = :line AND h.organization_id = o.organization_id
            AND h.next_attempt_at > :now
        ) AS until
        FROM (SELECT DISTINCT organization_id FROM waiting WHERE NOT stands) o
    ), numbered AS (
        SELECT w.organization_id, w.id, CASE WHEN NOT w.stands THEN e.until END AS until,
            row_number() OVER (ORDER BY w.next_attempt_at, w.due_at, w.id) AS number
        FROM waiting w LEFT JOIN ends e ON e.organization_id = w.organization_id
    )
    UPDATE messages m SET
        status = 'planned', claim = NULL, claimed_until = NULL, waits = false,
        code = :code, detail = :detail, mail_line = :line, updated_at = :now,
        next_attempt_at = GREATEST(
            CAST(:starts AS timestamptz) + (n.number - 1) * CAST(:spacing AS interval),
            n.until + n.number * CAST(:spacing AS interval)
        )
    FROM numbered n
    WHERE m.organization_id = n.organization_id AND m.id = n.id
    """
)
"""Those of a batch, and what else is due for the domain, in the order in which it was due.

Who stands in the line keeps the place; who comes stands behind what its own organization has there.
"""

_MARK = text(
    """
    UPDATE messages m SET mail_line = g.line
    FROM unnest(CAST(:organization_ids AS uuid[]), CAST(:ids AS uuid[]), CAST(:lines AS text[]))
        AS g(organization_id, id, line)
    WHERE m.organization_id = g.organization_id AND m.id = g.id
    """
)


_MOVE_BACK = text(
    """
    WITH waiting AS MATERIALIZED (
        SELECT organization_id, id, next_attempt_at FROM messages
        WHERE status = 'planned' AND mail_line = ANY(CAST(:lines AS text[]))
        FOR UPDATE SKIP LOCKED
    )
    UPDATE messages m SET updated_at = :now, next_attempt_at = m.next_attempt_at + (
        CAST(:until AS timestamptz) - (SELECT least(min(next_attempt_at), :now) FROM waiting)
    )
    FROM waiting w WHERE m.organization_id = w.organization_id AND m.id = w.id
    """
)
"""Whoever claims some of them meanwhile waits for the domain, and then sees that it rests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is held up of one domain: bulk, or what is of the moment. `batch` is claimed already."""

    domain: str
    kinds: Collection[Kind]
    batch: Sequence[Message]
    starts: datetime
    spacing: timedelta

    @property
    def name(self) -> str:
        return line_of(self.domain, next(iter(self.kinds)))


class MailDomainStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, names: Collection[str], *, now: datetime) -> dict[str, MailDomain]:
        """What is known of these; nobody else takes of them before the transaction ends."""
        if not names:
            return {}
        rows = [{"domain": name, "taken_until": now, "bulk_taken_until": now} for name in sorted(set(names))]
        locked = await self._session.execute(
            insert(mail_domains)
            .values(rows)
            .on_conflict_do_update(index_elements=["domain"], set_={"taken_until": mail_domains.c.taken_until})
            .returning(*mail_domains.c)
        )
        return {
            row.domain: MailDomain(
                name=row.domain,
                taken=Taken(whole=row.taken_until, bulk=row.bulk_taken_until),
                refusals=row.refusals,
                rests_until=row.rests_until,
            )
            for row in locked
        }

    async def put_taken(self, taken: Mapping[str, Taken]) -> None:
        """Of domains that are locked."""
        if not taken:
            return
        rows = [
            {"domain": name, "taken_until": how_far.whole, "bulk_taken_until": how_far.bulk}
            for name, how_far in sorted(taken.items())
        ]
        statement = insert(mail_domains).values(rows)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["domain"],
                set_={name: statement.excluded[name] for name in ("taken_until", "bulk_taken_until")},
            )
        )

    async def under_way(self, names: Collection[str], *, but: UUID | None, now: datetime) -> dict[str, int]:
        """How many messages to each of these domains are claimed, by whichever worker, but for the claim `but`."""
        domain_of_line = {line_of(name, kind): name for name in names for kind in (Kind.REMINDER, Kind.AD_HOC)}
        query = (
            select(messages.c.mail_line, func.count().label("how_many"))
            .where(
                messages.c.status == Status.CLAIMED,
                messages.c.claimed_until > now,
                messages.c.claim != but,
                messages.c.mail_line.in_(sorted(domain_of_line)),
            )
            .group_by(messages.c.mail_line)
        )
        counted = dict.fromkeys(names, 0)
        for row in await self._session.execute(query):
            counted[domain_of_line[row.mail_line]] += row.how_many
        return counted

    async def in_line(self, places: Collection[tuple[str, UUID]], *, now: datetime) -> set[tuple[str, UUID]]:
        """Of these lines and organizations: where something of that organization waits for its turn."""
        if not places:
            return set()
        ordered = sorted(set(places))
        rows = await self._session.execute(
            _IN_LINE,
            {"lines": [line for line, _ in ordered], "organization_ids": [each for _, each in ordered], "now": now},
        )
        return {(row.line, row.organization_id) for row in rows}

    async def mark(self, going: Sequence[tuple[Message, str]]) -> None:
        """These claimed messages are under way to their domains."""
        if going:
            await self._session.execute(
                _MARK,
                {
                    "organization_ids": [message.organization_id for message, _ in going],
                    "ids": [message.id for message, _ in going],
                    "lines": [line_of(domain, message.kind) for message, domain in going],
                },
            )

    async def line_up(self, line: Line, *, now: datetime) -> None:
        """Has what is due for a domain wait for its turns, so that no claim meets it before."""
        await self._session.execute(
            LINE_UP,
            {
                "line": line.name,
                "domain": line.domain,
                "kinds": sorted(line.kinds),
                "organization_ids": [message.organization_id for message in line.batch],
                "ids": [message.id for message in line.batch],
                "claim": line.batch[0].claim,
                "starts": line.starts,
                "spacing": line.spacing,
                "most": _MOST_LOOKED_AT,
                "code": DOMAIN_LIMITED,
                "detail": WAITS,
                "now": now,
            },
        )

    async def rest(self, domain: MailDomain, *, until: datetime, now: datetime) -> bool:
        """False where somebody else has seen it refuse meanwhile. What waits for it waits so much longer."""
        statement = insert(mail_domains).values(
            domain=domain.name, taken_until=now, bulk_taken_until=now, refusals=domain.refusals + 1, rests_until=until
        )
        rested = await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["domain"],
                set_={name: statement.excluded[name] for name in ("refusals", "rests_until")},
                where=mail_domains.c.refusals == domain.refusals,
            ).returning(mail_domains.c.domain)
        )
        if rested.first() is None:
            return False
        lines = sorted({line_of(domain.name, kind) for kind in Kind})
        await self._session.execute(_MOVE_BACK, {"lines": lines, "until": until, "now": now})
        return True

    async def works(self, domain: MailDomain) -> None:
        """It has taken a message after it was left alone."""
        await self._session.execute(
            update(mail_domains)
            .where(mail_domains.c.domain == domain.name, mail_domains.c.refusals == domain.refusals)
            .values(refusals=0, rests_until=None)
        )

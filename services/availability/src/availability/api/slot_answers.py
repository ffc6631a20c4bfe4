"""Answers to slot queries: kept as finished bytes, and brought up to date day by day.

A booking changes one day of an answer that may be a month long. So each day is kept as JSON and as a piece of a gzip
stream, and an answer is put together from them.
"""

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Final, Literal
from uuid import UUID

import orjson

from availability.domain import QueryTooLargeError, Terms
from availability.storage import AvailabilityReader, Versions
from availability.usecases import Offer
from slotstream_scheduling import Board, Slot, zone_of

Detail = Literal["resources", "starts"]

MAX_LISTED: Final = 300_000
"""Starts times candidates that one answer lists by name: about 12 MB."""
SHARES: Final = 8
"""One organization's answers take at most this part of the cache, so that nobody's evict everybody's."""
_LEVEL: Final = 1
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_END: Final = b"]}"
_LAST_BLOCK: Final = b"\x03\x00"


class _Day:
    """One local date of an answer: the starts of it that are on the board, and what was last written of them."""

    __slots__ = ("json", "on", "packed", "part", "written")

    def __init__(self, on: date, part: range) -> None:
        self.on = on
        self.part = part
        self.written: range | None = None
        self.json = b""
        self.packed = b""

    def is_touched_by(self, bits: int) -> bool:
        return bool(bits >> self.part.start & ((1 << len(self.part)) - 1))

    def bookable(self, bookable: range) -> range:
        return range(max(self.part.start, bookable.start), min(self.part.stop, bookable.stop))


class SlotAnswer:
    """The answer to one query in one state of catalogue and schedules (`rules`)."""

    def __init__(self, offer: Offer, *, zone: str, detail: Detail, rules: int) -> None:
        board = offer.board
        if detail == "resources" and len(board.grid) * len(offer.terms.staffing.candidates) > MAX_LISTED:
            raise QueryTooLargeError(
                "The answer would be too long: ask for a shorter period, for fewer resources or for `detail=starts`",
                extra={"field": "to"},
            )
        self.rules = rules
        self._offer = offer
        self._zone = zone
        self._detail = detail
        self._days = list(_days_of(board, zone))
        self._head = orjson.dumps(head_of(offer.terms, zone))[:-1] + b',"days":['
        self._versions: Versions | None = None
        self._valid_until = 0.0
        self._bodies: dict[bool, bytes] = {}
        self._lock = asyncio.Lock()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes in memory, roughly."""
        return self._size

    def _weigh(self) -> None:
        days = sum(len(day.json) + len(day.packed) + 200 for day in self._days)
        board = len(self._offer.board.grid) * (8 + len(self._offer.terms.staffing.candidates) // 8)
        self._size = days + board + sum(map(len, self._bodies.values()))

    async def bring_up_to(self, versions: Versions, reader: AvailabilityReader, now: float) -> None:
        """Makes it true for `versions` and for `now`, in epoch seconds."""
        if versions == self._versions and now < self._valid_until:
            return
        async with self._lock:
            if versions == self._versions and now < self._valid_until:
                return
            bits = await self._offer.bring_up_to(versions, reader, now)
            bookable = self._offer.bookable(int(now))
            stale = [day for day in self._days if day.is_touched_by(bits) or day.written != day.bookable(bookable)]
            if self._offer.is_large and len(stale) > 1:
                await asyncio.to_thread(self._write, stale, bookable)
            else:
                self._write(stale, bookable)
            if stale:
                self._bodies.clear()
            self._valid_until = self._offer.valid_until(int(now))
            self._versions = versions

    def body(self, *, gzip: bool) -> bytes:
        body = self._bodies.get(gzip)
        if body is None:
            body = self._bodies[gzip] = self._packed() if gzip else b"".join(self._plain_pieces())
            self._weigh()
        return body

    def _write(self, days: list[_Day], bookable: range) -> None:
        for day in days:
            day.written = day.bookable(bookable)
            slots = b",".join(self._slots_of(day.written))
            day.json = b'{"date":"%b","slots":[%b]}' % (day.on.isoformat().encode(), slots) if slots else b""
            day.packed = _deflated(b"," + day.json) if slots else b""

    def _slots_of(self, part: range) -> Iterator[bytes]:
        board = self._offer.board
        zone = zone_of(self._zone)
        duration = self._offer.terms.rules.duration_seconds

        def times(start: int) -> bytes:
            local = datetime.fromtimestamp(start, zone)
            return b'{"starts_at":"%b","ends_at":"%b","local_time":"%02d:%02d","utc_offset":"%b"' % (
                _rfc_3339(start),
                _rfc_3339(start + duration),
                local.hour,
                local.minute,
                local.isoformat()[19:].encode(),
            )

        if self._detail == "starts" and self._offer.terms.rules.capacity == 1:
            for index, free in board.counts(part):
                yield times(board.grid[index]) + b',"free":%d,"seats":1}' % free
            return
        for slot in board.slots(part):
            yield times(slot.start) + _rest_of(slot, self._detail)

    def _plain_pieces(self) -> Iterator[bytes]:
        yield self._head
        written = [day.json for day in self._days if day.json]
        for number, day in enumerate(written):
            yield b"," + day if number else day
        yield _END

    def _packed(self) -> bytes:
        """The days' pieces as one gzip stream: each ends on a byte and refers to nothing before it."""
        first, *others = [day for day in self._days if day.json] or [_Day(date.min, range(0))]
        pieces = [_GZIP_HEAD, _deflated(self._head + first.json), *(day.packed for day in others), _deflated(_END)]
        checksum = length = 0
        for piece in self._plain_pieces():
            checksum = zlib.crc32(piece, checksum)
            length += len(piece)
        tail = checksum.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
        return b"".join([*pieces, _LAST_BLOCK, tail])


_NOTHING: Final[OrderedDict[bytes, tuple[SlotAnswer, int]]] = OrderedDict()


class AnswerCache:
    """Answers by organization and query, in each organization the least recently asked forgotten first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._answers: OrderedDict[UUID, OrderedDict[bytes, tuple[SlotAnswer, int]]] = OrderedDict()
        self._sizes: dict[UUID, int] = {}

    def get(self, organization_id: UUID, query: bytes) -> SlotAnswer | None:
        own = self._answers.get(organization_id)
        kept = own.get(query) if own else None
        if own is None or kept is None:
            return None
        own.move_to_end(query)
        self._answers.move_to_end(organization_id)
        return kept[0]

    def keep(self, organization_id: UUID, query: bytes, answer: SlotAnswer) -> None:
        """Keeps the answer, or notes its size.

        One that is larger than the organization's share is not kept.
        """
        kept = self._answers.get(organization_id, _NOTHING).get(query)
        if kept == (answer, answer.size):
            return
        own = self._answers.setdefault(organization_id, OrderedDict())
        self._answers.move_to_end(organization_id)
        _, before = own.pop(query, (None, 0))
        size, share = answer.size, self._max_bytes // SHARES
        self._sizes[organization_id] = self._sizes.get(organization_id, 0) - before
        if size <= share:
            own[query] = answer, size
            self._sizes[organization_id] += size
        while self._sizes.get(organization_id, 0) > share:
            self._forget_one_of(organization_id)
        while sum(self._sizes.values()) > self._max_bytes:
            self._forget_one_of(next(iter(self._answers)))
        self._drop_if_empty(organization_id)

    def _forget_one_of(self, organization_id: UUID) -> None:
        _, (_, size) = self._answers[organization_id].popitem(last=False)
        self._sizes[organization_id] -= size
        self._drop_if_empty(organization_id)

    def _drop_if_empty(self, organization_id: UUID) -> None:
        if not self._answers.get(organization_id, True):
            del self._answers[organization_id], self._sizes[organization_id]


def head_of(terms: Terms, zone: str) -> dict[str, str | int | None]:
    return {
        "business_id": terms.business.id,
        "service_id": terms.service_id,
        "zone": zone,
        "duration_minutes": terms.rules.duration_seconds // 60,
    }


def _days_of(board: Board, zone: str) -> Iterator[_Day]:
    rules = zone_of(zone)
    begin = 0
    for on, starts in groupby(board.grid, key=lambda start: datetime.fromtimestamp(start, rules).date()):
        end = begin + len(list(starts))
        yield _Day(on, range(begin, end))
        begin = end


def _rest_of(slot: Slot, detail: Detail) -> bytes:
    free = slot.free[0] if len(slot.free) == 1 else tuple(dict.fromkeys(sum(slot.free, ())))
    rest = b',"free":%d,"seats":%d' % (len(free), slot.seats)
    if detail == "resources":
        rest += b',"resource_ids":%b' % _ids(free)
        if len(slot.free) > 1:
            rest += b',"places":[%b]' % b",".join(_ids(place) for place in slot.free)
    return rest + b"}"


def _ids(ids: tuple[str, ...]) -> bytes:
    return ('["' + '","'.join(ids) + '"]').encode() if ids else b"[]"


def _rfc_3339(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19].encode() + b"Z"


def _deflated(piece: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)

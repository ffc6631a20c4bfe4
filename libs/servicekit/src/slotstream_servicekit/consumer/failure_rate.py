"""Tells whether failing records are the fault of their senders or of the consumer."""

from typing import Final

TENANTS_AFFECTED: Final = 3
"""Records of so many tenants must fail, with no success in between, to suspect the consumer."""


class FailureRate:
    """Counts failures in a row and whose records they were.

    Failing records of one tenant (or of one producer that names no tenant) are set aside, however many, and those of
    others go on. The consumer itself is suspected only when `limit` records of several tenants fail in a row.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_a_row = 0
        self._senders: set[str] = set()

    def succeeded(self, count: int) -> None:
        if count:
            self._in_a_row = 0
            self._senders.clear()

    def failed(self, sender: str) -> None:
        self._in_a_row += 1
        self._senders.add(sender)

    def suspects_consumer(self, sender: str) -> bool:
        """Whether one more failure, of a record of `sender`, means that the consumer is at fault."""
        return self._in_a_row >= self._limit and len(self._senders | {sender}) >= TENANTS_AFFECTED

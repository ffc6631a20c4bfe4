"""Whose fault it is that records fail: of those who sent them, or the consumer's own."""

from typing import Final

TENANTS_AFFECTED: Final = 3
"""Of how many tenants records must fail, with none that succeeds between them, to suspect the consumer."""


class FailureRate:
    """Counts failures in a row and whose records they were.

    However many records of one tenant fail, or of one producer that names no tenant, they are set aside and others'
    go on. Only where `limit` in a row, of several tenants, have failed is the consumer itself suspected.
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
        """Whether one more failure, of `sender`, would point to the consumer."""
        return self._in_a_row >= self._limit and len(self._senders | {sender}) >= TENANTS_AFFECTED

"""When setting records aside stops being a remedy: most likely the fault is the consumer's own."""

from collections import deque

_SHARE = 0.5


class PoisonGauge:
    """Counts outcomes of one subscription and says when too many records were set aside.

    Too many is `limit` in a row, or more than half of the last `4 * limit`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=4 * limit)

    def handled(self, count: int) -> None:
        if count:
            self._in_a_row = 0
            self._recent.extend([False] * min(count, 4 * self._limit))

    def set_aside(self) -> None:
        self._in_a_row += 1
        self._recent.append(True)

    @property
    def too_many(self) -> bool:
        """Whether the next poisonous record should stop the consumer rather than be set aside."""
        full = len(self._recent) == self._recent.maxlen
        return self._in_a_row >= self._limit or (full and sum(self._recent) > _SHARE * len(self._recent))

"""When to try again, and when to stop trying."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Pauses that treble from `first` to `longest`; at most `most_attempts` tries; `state_wait` for missing states."""

    first: timedelta = timedelta(seconds=10)
    longest: timedelta = timedelta(minutes=30)
    most_attempts: int = 10
    state_wait: timedelta = timedelta(minutes=10)

    def next_attempt(self, *, attempts: int, now: datetime) -> datetime | None:
        """After the `attempts`-th failed attempt: when to try again, or None to give up."""
        if attempts >= self.most_attempts:
            return None
        return now + self._pause(attempts)

    def rest(self, *, failures: int, now: datetime) -> datetime:
        """Until when what has failed so often in a row is left alone; it is never given up."""
        return now + self._pause(failures)

    def _pause(self, failures: int) -> timedelta:
        pause: timedelta = self.first * 3 ** min(failures - 1, 20)
        return min(pause, self.longest)

    def look_again(self, *, planned_at: datetime, now: datetime) -> datetime | None:
        """For a message that waits for a state to arrive: when to look again, or None to give up.

        The longer it has waited, the longer the pause; the state's arrival wakes it anyway.
        """
        waited = now - planned_at
        if waited >= self.state_wait:
            return None
        return now + min(max(waited / 2, timedelta(milliseconds=250)), timedelta(seconds=30))

"""A promise, and the search for what contradicts it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from checker.evidence.model import Evidence
from checker.history import History

Broken = Iterator[str]


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold after any run: `violations` are sentences that say what does not."""

    promise: str
    says: str
    violations: Callable[[History, Evidence], Broken]

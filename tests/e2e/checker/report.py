"""What a run found, as text."""

from collections import Counter
from dataclasses import dataclass

from checker.evidence import Evidence
from checker.history import History

WORST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant, and what contradicts it."""

    promise: str
    says: str
    violations: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    seed: int
    seconds: float
    history: History
    evidence: Evidence
    findings: list[Finding]

    @property
    def broken(self) -> list[Finding]:
        return [each for each in self.findings if each.violations]

    def __str__(self) -> str:
        return f"\n{self._operations()}\n\n{self._faults()}\n\n{self._promises()}\n\n{self._verdict()}"

    def _operations(self) -> str:
        lines = [f"{'operations':<16}{'ok':>8}{'refused':>9}{'unknown':>9}"]
        for verb, row in sorted(self.history.tally().items()):
            lines.append(f"{verb:<16}{row['ok']:>8}{row['refused']:>9}{row['unknown']:>9}")
        return "\n".join(lines)

    def _faults(self) -> str:
        counts = Counter(name for _, name in self.history.faults)
        if not counts:
            return "no faults"
        return "faults: " + ", ".join(f"{name} ×{count}" for name, count in sorted(counts.items()))

    def _promises(self) -> str:
        lines = []
        for each in self.findings:
            lines.append(f"{'✗' if each.violations else '✓'} {each.promise:<5}{each.says}")
            lines += [f"       {violation}" for violation in each.violations[:WORST_SHOWN]]
            if len(each.violations) > WORST_SHOWN:
                lines.append(f"       … and {len(each.violations) - WORST_SHOWN} more")
        return "\n".join(lines)

    def _verdict(self) -> str:
        what = (
            f"{len(self.history.operations)} operations in {self.seconds:.0f} s, "
            f"{len(self.evidence.appointments)} appointments, {len(self.evidence.events)} events, "
            f"{len(self.history.commands)} commands, {len(self.history.imports)} imports, "
            f"{len(self.evidence.erased)} erased, {len(self.history.poison)} × poison, "
            f"{self.evidence.ledger.mails} mails, {len(self.history.faults)} faults: "
        )
        return what + (f"{len(self.broken)} promises broken, seed {self.seed}" if self.broken else "every promise kept")

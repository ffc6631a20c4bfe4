"""What is found wrong or doubtful while one row is read."""

from dataclasses import dataclass, field

from slotstream_servicekit.errors import Reason


@dataclass(slots=True)
class Findings:
    errors: list[Reason] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)

    def error(self, code: str, detail: str) -> None:
        self.errors.append(Reason(code, detail))

    def warn(self, code: str, detail: str) -> None:
        reason = Reason(code, detail)
        if reason not in self.warnings:
            self.warnings.append(reason)

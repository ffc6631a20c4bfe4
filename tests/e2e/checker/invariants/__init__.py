"""What must hold after any run."""

from checker.invariants import answers, events, liveness, occupancy, privacy, reminders, tenancy
from checker.invariants.model import Broken, Invariant

__all__ = ["INVARIANTS", "Broken", "Invariant"]

INVARIANTS = (
    *occupancy.INVARIANTS,
    *answers.INVARIANTS,
    *events.INVARIANTS,
    *tenancy.INVARIANTS,
    *privacy.INVARIANTS,
    *reminders.INVARIANTS,
    *liveness.INVARIANTS,
)

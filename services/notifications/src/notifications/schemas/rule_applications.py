"""How a default reminder reaches appointments that stand already, over HTTP."""

from uuid import UUID

from notifications.domain.rule_applications import ApplicationStatus, RuleApplication, RuleOutcomes, RulePreview
from slotstream_servicekit.http.models import InstantOut, ResponseModel


class RuleOutcomesOut(ResponseModel):
    """How many reminders: planned, and on the ledger as suppressed, by the reason."""

    planned: int
    too_late: int
    """Their time has passed: they are not sent."""
    no_address: int
    landline: int
    """A number that takes no texts."""
    appointment_pending: int
    notify_off: int


class RulePreviewOut(ResponseModel):
    """What applying a rule to appointments that stand already would do now."""

    appointments: int
    """Whose reminder it would be: ahead, active, and for whom the rule would be if they were made now."""
    have_it: int
    """Left alone: they have this reminder, or the same one, already."""
    edited: int
    """Left alone: somebody has added a reminder by hand, or taken one away."""
    looked_at: int
    """So many of `appointments`, those that begin first, were judged one by one: all of them up to 5,000."""
    outcomes: RuleOutcomesOut
    """Of those that were looked at."""


class RuleApplicationOut(ResponseModel):
    """How far a rule has been applied to appointments that stood already."""

    rule_id: UUID
    rule_version: int
    status: ApplicationStatus
    """`stopped`: the rule was changed or switched off meanwhile; what was planned by then stays."""
    total: int
    """How many appointments it was to reach when it was asked for."""
    reached: int
    outcomes: RuleOutcomesOut
    requested_at: InstantOut
    updated_at: InstantOut


def preview_out(preview: RulePreview) -> RulePreviewOut:
    return RulePreviewOut(
        appointments=preview.reach.appointments,
        have_it=preview.reach.have_it,
        edited=preview.reach.edited,
        looked_at=preview.outcomes.reached,
        outcomes=_outcomes(preview.outcomes),
    )


def application_out(application: RuleApplication) -> RuleApplicationOut:
    return RuleApplicationOut(
        rule_id=application.rule_id,
        rule_version=application.rule_version,
        status=application.status,
        total=application.total,
        reached=application.outcomes.reached,
        outcomes=_outcomes(application.outcomes),
        requested_at=application.requested_at,
        updated_at=application.updated_at,
    )


def _outcomes(outcomes: RuleOutcomes) -> RuleOutcomesOut:
    return RuleOutcomesOut(
        planned=outcomes.planned,
        too_late=outcomes.too_late,
        no_address=outcomes.no_address,
        landline=outcomes.landline,
        appointment_pending=outcomes.appointment_pending,
        notify_off=outcomes.notify_off,
    )

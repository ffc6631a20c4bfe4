from itertools import product
from pathlib import Path

import pytest

from booking.domain.errors import InvalidTransitionError
from booking.domain.lifecycle import TRANSITIONS, Status, Verb, status_after, transition_table, verbs_from

EXPECTED = {
    ("approve", "pending"): "scheduled",
    ("decline", "pending"): "cancelled",
    ("confirm", "scheduled"): "confirmed",
    ("cancel", "pending"): "cancelled",
    ("cancel", "scheduled"): "cancelled",
    ("cancel", "confirmed"): "cancelled",
    ("reschedule", "scheduled"): "rescheduled",
    ("reschedule", "confirmed"): "rescheduled",
    ("complete", "scheduled"): "completed",
    ("complete", "confirmed"): "completed",
    ("no_show", "scheduled"): "no_show",
    ("no_show", "confirmed"): "no_show",
    ("dismiss", "scheduled"): "dismissed",
    ("dismiss", "confirmed"): "dismissed",
    ("reopen", "completed"): "scheduled",
    ("reopen", "no_show"): "scheduled",
    ("reopen", "dismissed"): "scheduled",
    ("reopen", "cancelled"): "scheduled",
}
CHANGING = [verb for verb in Verb if verb is not Verb.CREATE and TRANSITIONS[verb].to is not None]


@pytest.mark.parametrize(("verb", "status"), list(product(CHANGING, Status)))
def test_every_verb_from_every_status_does_what_the_product_says(verb: Verb, status: Status) -> None:
    expected = EXPECTED.get((verb.value, status.value))
    if expected is None:
        with pytest.raises(InvalidTransitionError):
            status_after(verb, status)
    else:
        assert status_after(verb, status) == expected


def test_the_table_has_every_verb() -> None:
    assert set(TRANSITIONS) == set(Verb)


@pytest.mark.parametrize("verb", [Verb.ASSIGN, Verb.UPDATE])
def test_assigning_and_editing_is_for_open_appointments_only(verb: Verb) -> None:
    assert [status for status in Status if verb in verbs_from(status)] == [
        Status.PENDING,
        Status.SCHEDULED,
        Status.CONFIRMED,
    ]


def test_nothing_leads_out_of_rescheduled_but_the_archive() -> None:
    assert set(verbs_from(Status.RESCHEDULED)) == {Verb.ARCHIVE, Verb.UNARCHIVE}


def test_the_readme_prints_the_table_as_it_is() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert transition_table() in readme

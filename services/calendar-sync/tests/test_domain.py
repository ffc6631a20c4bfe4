from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.domain import BusyInstance, Expansion, KnownInstance, Window, compare, instance_id, next_poll

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window.around(NOW)
ORGANIZATION = UUID(int=3)
CONNECTION = UUID(int=7)
HOUR = timedelta(hours=1)

instances = st.dictionaries(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["", "2026-03-10", "2026-03-11"])),
    st.integers(min_value=1, max_value=100),
    max_size=20,
)


def expansion_of(found: dict[tuple[str, str], int], unreadable: frozenset[str] = frozenset()) -> Expansion:
    return Expansion(
        instances=tuple(
            BusyInstance(uid=uid, recurrence=recurrence, starts_at=NOW + hour * HOUR, ends_at=NOW + (hour + 1) * HOUR)
            for (uid, recurrence), hour in found.items()
        ),
        warnings={},
        unreadable_uids=unreadable,
    )


def known_from(found: dict[tuple[str, str], int]) -> list[KnownInstance]:
    return [
        KnownInstance(
            id=instance_id(
                organization_id=ORGANIZATION,
                connection_id=CONNECTION,
                uid=instance.uid,
                recurrence=instance.recurrence,
            ),
            uid=instance.uid,
            recurrence=instance.recurrence,
            starts_at=instance.starts_at,
            ends_at=instance.ends_at,
        )
        for instance in expansion_of(found).instances
    ]


@given(before=instances, after=instances)
def test_applying_the_changes_gives_what_was_found(
    before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]
) -> None:
    changes = compare(known_from(before), expansion_of(after), now=NOW, window=WINDOW)

    state = {(row.uid, row.recurrence): row.starts_at for row in known_from(before)}
    for row in changes.gone:
        del state[(row.uid, row.recurrence)]
    state |= {(each.uid, each.recurrence): each.starts_at for each in changes.upserts}
    assert state == {key: NOW + hour * HOUR for key, hour in after.items()}


@given(found=instances)
def test_the_same_reading_again_changes_nothing(found: dict[tuple[str, str], int]) -> None:
    changes = compare(known_from(found), expansion_of(found), now=NOW, window=WINDOW)

    assert (changes.upserts, changes.gone, changes.lost) == ((), (), 0)


@given(found=instances, unreadable=st.frozensets(st.sampled_from("abcdefgh")))
def test_events_that_cannot_be_read_are_never_swept(
    found: dict[tuple[str, str], int], unreadable: frozenset[str]
) -> None:
    changes = compare(known_from(found), expansion_of({}, unreadable), now=NOW, window=WINDOW)

    assert {row.uid for row in changes.gone} == {uid for uid, _ in found} - unreadable


def test_the_brake_wants_more_than_a_few_and_more_than_a_fifth() -> None:
    def brakes(total: int, left: int) -> bool:
        found = {(f"e{n}", ""): n + 1 for n in range(total)}
        remaining = dict(list(found.items())[:left])
        return compare(known_from(found), expansion_of(remaining), now=NOW, window=WINDOW).is_mass_deletion

    assert not brakes(5, 0)
    assert brakes(6, 0)
    assert not brakes(100, 80)
    assert brakes(100, 79)


@given(failures=st.integers(min_value=0, max_value=1_000_000))
def test_the_next_poll_waits_longer_after_failures_but_never_for_ever(failures: int) -> None:
    wait = next_poll(now=NOW, interval=timedelta(minutes=15), failures=failures) - NOW

    assert timedelta(minutes=15) <= wait <= timedelta(hours=16)
    if failures:
        assert wait >= timedelta(minutes=30)


def test_a_server_that_says_when_is_obeyed() -> None:
    wait = next_poll(now=NOW, interval=HOUR, failures=1, retry_after=timedelta(hours=5)) - NOW

    assert wait == timedelta(hours=5)

"""Days of reminders on every channel by a clock that the test drives, with senders killed at every step of a send."""

from pathlib import Path

import pytest
from checker.driven import DrivenRun, driven
from checker.report import Finding
from harness.driven import STEPS
from harness.platform import Platform
from planted import REMINDER_BUGS, CodeBug

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

CHANNELS = ("email", "sms", "voice", "push")
SEED = 7


def broken(findings: list[Finding]) -> list[str]:
    return [f"{finding.says}: {violation}" for finding in findings for violation in finding.violations]


def assert_reminded(run: DrivenRun) -> None:
    """Else nothing was shown."""
    texts, calls = run.providers.phones.texts, run.providers.phones.calls
    assert min(map(len, (run.providers.mails.mails, texts, calls, run.providers.pushes.pushes))) > 0
    assert run.history.ended
    assert run.providers.phones.faults == []


async def test_reminders_keep_their_promise_through_a_day_with_deaths_and_silence(
    platform: Platform, tmp_path: Path
) -> None:
    async with driven(platform, tmp_path, seed=SEED) as run:
        run.deaths = ["claimed", "attempted email", "accepted sms"]
        run.silences = ["voice"]
        await run.days_pass(1, appointments=4)
        assert broken(await run.findings()) == []
        assert (run.deaths, run.silences) == ([], [])
        assert set(run.died_at) == {"claimed", "attempted email", "accepted sms"}
        assert_reminded(run)


@pytest.mark.long
async def test_reminders_keep_their_promise_through_days_with_a_death_at_every_step(
    platform: Platform, tmp_path: Path
) -> None:
    async with driven(platform, tmp_path, seed=SEED) as run:
        run.deaths = list(STEPS)
        run.silences = [*CHANNELS, *CHANNELS]
        run.kills = 8
        await run.days_pass(3, appointments=8)
        assert broken(await run.findings()) == []
        assert (run.deaths, run.silences) == ([], [])
        assert set(run.died_at) == set(STEPS)
        assert_reminded(run)


@pytest.mark.long
@pytest.mark.parametrize("bug", REMINDER_BUGS, ids=lambda bug: bug.breaks)
async def test_a_bug_planted_into_how_reminders_are_sent_is_found(
    platform: Platform, tmp_path: Path, bug: CodeBug
) -> None:
    async with driven(platform, tmp_path, seed=SEED, patch=bug.patch) as run:
        run.deaths = ["accepted email"]
        run.silences = ["sms"]
        await run.days_pass(1, appointments=4)
        assert bug.breaks in {finding.says for finding in await run.findings() if finding.violations}

"""docs/pooling.md counts the connections as the code opens them, and names whatever needs a session of its own."""

import re
from pathlib import Path
from typing import Final

import pytest

from slotstream_servicekit.settings import ServiceSettings

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/pooling.md").read_text(encoding="utf-8")
SERVICES: Final = ("booking", "availability", "notifications", "imports", "calendar-sync", "dashboard")
REPLICAS: Final = (3, 10, 30)
POOL: Final = int(ServiceSettings.model_fields["database_pool_size"].default)
NEEDS_A_SESSION: Final = re.compile(
    r"pg_(?:try_)?advisory_lock\b|pg_(?:try_)?advisory_lock_shared\b|add_listener\(|\bset_config\([^)]*, *false\)"
    r"|\bCREATE TEMP|\bWITH HOLD\b|\"SET (?!LOCAL|CONSTRAINTS)|f\"SET (?!LOCAL|CONSTRAINTS)|^SET (?!LOCAL)\w+ = [^;\n]+;",
    re.MULTILINE,
)
SESSIONS: Final = {
    "libs/servicekit/src/slotstream_servicekit/relay/lanes.py": "locks of lanes, by `dial`",
    "libs/servicekit/src/slotstream_servicekit/notify.py": "LISTEN, by `dial`",
    "libs/servicekit/src/slotstream_servicekit/database/pool.py": "`dial` itself",
    "libs/servicekit/src/slotstream_servicekit/migrations.py": "the lock of migrations, by the owner's URL",
    "deploy/local/src/slotstream_local/databases.py": "makes the databases, as the administrator",
}


def sources(folder: str) -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "/src/" in str(path) and "/testing/" not in str(path)
    }


def own_sessions(service: str) -> int:
    """The relay's, where the service publishes, and one for each listener."""
    text = "".join(sources(f"services/{service}").values())
    listeners = len(re.findall(r"(?<!class )\bListener\(", text))
    return listeners + ("publishes=False" not in text)


@pytest.mark.parametrize("service", SERVICES)
def test_the_connections_of_each_service_are_counted(service: str) -> None:
    pooled = [2 * POOL * replicas for replicas in REPLICAS]
    own = [own_sessions(service) * replicas for replicas in REPLICAS]
    assert f"| {service} | {' | '.join(map(str, [*pooled, *own]))} |" in PAGE


def test_the_sums_are_right() -> None:
    pooled = [2 * POOL * replicas * len(SERVICES) for replicas in REPLICAS]
    own = [sum(map(own_sessions, SERVICES)) * replicas for replicas in REPLICAS]
    assert f"| all | {' | '.join(map(str, [*pooled, *own]))} |" in PAGE
    assert f"At the default pool of {POOL}," in PAGE


def test_nothing_but_what_is_told_needs_a_session_of_its_own() -> None:
    found = {
        path
        for folder in ("libs", "services", "deploy")
        for path, text in sources(folder).items()
        if NEEDS_A_SESSION.search(text)
    }
    assert found == set(SESSIONS)

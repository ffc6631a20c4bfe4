"""`make kube-test`: a release comes to a cluster and goes again under load, as docs/kubernetes.md has it.

The next release is made up as for `make trial`: more columns, and a field more in what is said.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cluster.changing import existing, followed, scaled
from cluster.load import Load
from cluster.looking import again_as, sql, until
from next_release import MARK, TABLES, code_of_next_release, write_migrations

from slotstream_local.kube import images
from slotstream_local.kube.kubectl import Kubectl

pytestmark = pytest.mark.timeout(1800)

SERVICES = ("booking", "notifications")
"""One says what happens, one hears of it; those between stay of this release."""
PARTS = [f"{name}-{part}" for name in SERVICES for part in ("api", "worker")]
TOOLS = "tools"
FOLDER = Path("/next")
_DOCKERFILE = f"""
FROM {{former}}
COPY next {FOLDER}
ENV PYTHONPATH={FOLDER}
"""


def image_of(kubectl: Kubectl, kind: str, name: str) -> str:
    found = kubectl.find(kind, name)
    assert found is not None
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def next_release(kubectl: Kubectl, shown: str, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Its images, on the cluster; afterwards the databases are those of this release again."""
    folder = tmp_path / "next"
    write_migrations(folder, {name: sql(kubectl, name, TABLES).splitlines() for name in SERVICES})
    (folder / "sitecustomize.py").write_text(code_of_next_release(FOLDER))
    formers = {name: image_of(kubectl, "deployment", f"{name}-api") for name in SERVICES}
    formers[TOOLS] = image_of(kubectl, "job", "booking-migrate")
    release = {name: f"{former.rpartition(':')[0]}:next" for name, former in formers.items()}
    for name, former in formers.items():
        (tmp_path / "Dockerfile").write_text(_DOCKERFILE.format(former=former))
        subprocess.run(["docker", "build", "--quiet", "--tag", release[name], tmp_path], check=True)
    images.load(kubectl.require_cluster(), list(release.values()))
    revisions = {name: sql(kubectl, name, "SELECT version_num FROM alembic_version") for name in SERVICES}
    yield release
    for name, revision in revisions.items():
        sql(kubectl, name, _BACK.format(revision=revision))


_BACK = """
DO $$ DECLARE named text; BEGIN
    FOR named IN SELECT table_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = 'written_by' LOOP
        EXECUTE format('ALTER TABLE %I DROP COLUMN written_by', named);
    END LOOP;
    UPDATE alembic_version SET version_num = '{revision}';
END $$
"""


def test_a_release_comes_and_goes_beside_the_present_one_and_no_request_fails(
    kubectl: Kubectl, variables: Mapping[str, str], next_release: Mapping[str, str]
) -> None:
    present = {part: image_of(kubectl, "deployment", part) for part in PARTS}
    following = {part: next_release[part.rpartition("-")[0]] for part in PARTS}
    try:
        for part in PARTS:
            scaled(kubectl, part, 2)
        with Load(variables) as load:
            load.books_on()
            for name in SERVICES:
                migrated(kubectl, name, image=next_release[TOOLS])
            load.books_on()
            for release in (following, present):
                replaced(kubectl, load, release)
        assert load.failures == []
        load.holds(kubectl)
        for service, table in (("booking", "appointments"), ("notifications", "messages")):
            wrote = sql(
                kubectl, service, f"SELECT DISTINCT written_by LIKE '%{MARK}' FROM {table} WHERE written_by <> ''"
            )
            assert set(wrote.split()) == {"f", "t"}, (service, table)
    finally:
        for part in PARTS:
            scaled(kubectl, part, 1)


def migrated(kubectl: Kubectl, name: str, *, image: str) -> None:
    """A service's database by the next release's Job, again where a table is in use for too long."""
    former = kubectl.find("job", f"{name}-migrate")
    assert former is not None
    job = again_as(former, "next")
    job["spec"]["backoffLimit"] = 10
    job["spec"]["template"]["spec"]["containers"][0]["image"] = image
    with existing(kubectl, job):
        until(
            lambda: (kubectl.find("job", f"{name}-migrate-next") or {}).get("status", {}).get("succeeded"),
            seconds=240,
            what=f"{name} is not migrated",
        )


def replaced(kubectl: Kubectl, load: Load, release: Mapping[str, str]) -> None:
    """Of each part one pod first, and work for both versions of it; then all."""
    for part, image in release.items():
        kubectl.here("set", "image", f"deployment/{part}", f"service={image}")
        until(lambda part=part: of_status(kubectl, part, "updatedReplicas") >= 1, seconds=60, what=f"{part} stays")
        kubectl.here("rollout", "pause", f"deployment/{part}")
    try:
        until(
            lambda: all(of_status(kubectl, part, "readyReplicas") == 3 for part in release),
            seconds=240,
            what="not both versions are ready",
        )
        print(json.dumps({part: of_status(kubectl, part, "updatedReplicas") for part in release}))
        assert all(of_status(kubectl, part, "updatedReplicas") == 1 for part in release)
        load.books_on(bookings=80)
    finally:
        for part in release:
            kubectl.here("rollout", "resume", f"deployment/{part}")
    for part in release:
        followed(kubectl, part)
    load.books_on()


def of_status(kubectl: Kubectl, deployment: str, number: str) -> int:
    found = kubectl.find("deployment", deployment)
    assert found is not None
    return int(found["status"].get(number, 0))

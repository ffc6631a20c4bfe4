"""A revision only adds, so that the former version goes on beside it, and comes back: docs/migrations.md says how.

And revisions stand in one row: what `make check` refuses.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
REVISIONS: Final = sorted(
    path for path in ROOT.glob("services/*/migrations/versions/*.py") if not path.name.startswith("0001")
)
REMOVES_ON_PURPOSE: Final[Mapping[str, str]] = {}
"""By service and file: why no version that still runs, or may come back, misses what the revision removes."""

ADDS: Final = frozenset({"create_table", "create_index", "add_column", "execute", "get_context"})
NOT_IN_SQL: Final = re.compile(
    r"\b(?:DROP\s+(?!NOT NULL)\w+|RENAME\b|SET NOT NULL|ALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET DATA )?TYPE|TRUNCATE|OR REPLACE)",
    re.IGNORECASE,
)


def objections(source: str) -> Iterator[str]:
    """What of `upgrade` an old version beside it would notice, or whoever writes to a table meanwhile."""
    tree = ast.parse(source)
    [upgrade] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    calls = [node for node in ast.walk(upgrade) if isinstance(node, ast.Call)]
    made = {_text(call.args[0]) for call in calls if _operation(call) == "create_table"}
    for call in calls:
        operation = _operation(call)
        if operation is not None and operation not in ADDS:
            yield f"{operation} does not add"
        if (
            operation == "create_index"
            and _text(call.args[1]) not in made
            and not _is_true(call, "postgresql_concurrently")
        ):
            yield "an index that keeps writers waiting"
        if operation == "add_column":
            yield from _required(call)
    for node in ast.walk(tree):
        in_upgrade = upgrade.lineno <= getattr(node, "lineno", 0) <= (upgrade.end_lineno or 0)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and in_upgrade:
            yield from (f"{found[0]} in SQL" for found in NOT_IN_SQL.finditer(node.value))


def _operation(call: ast.Call) -> str | None:
    """The name of what is asked of Alembic's `op`."""
    function = call.func
    of_op = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "op"
    return function.attr if isinstance(function, ast.Attribute) and of_op else None


def _text(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _is_true(call: ast.Call, name: str) -> bool:
    return any(keyword.arg == name and _text(keyword.value) is True for keyword in call.keywords)


def _required(call: ast.Call) -> Iterator[str]:
    for column in (node for node in ast.walk(call) if isinstance(node, ast.Call) and node is not call):
        given = {keyword.arg: keyword.value for keyword in column.keywords}
        if "nullable" in given and _text(given["nullable"]) is False and "server_default" not in given:
            yield "a column that old versions leave empty"


@pytest.mark.parametrize("path", REVISIONS, ids=lambda path: f"{path.parents[2].name} {path.stem}")
def test_a_revision_only_adds(path: Path) -> None:
    found = list(objections(path.read_text(encoding="utf-8")))
    assert not found or f"{path.parents[2].name} {path.stem}" in REMOVES_ON_PURPOSE, found


@pytest.mark.parametrize(
    "line",
    [
        'op.drop_column("clients", "name")',
        'op.alter_column("clients", "name", nullable=False)',
        'op.rename_table("clients", "people")',
        'op.add_column("clients", sa.Column("kind", sa.Text(), nullable=False))',
        'op.create_index("clients_kind_idx", "clients", ["kind"])',
        'op.execute("ALTER TABLE clients ALTER COLUMN kind SET NOT NULL")',
        'op.execute("ALTER TABLE clients ALTER COLUMN kind TYPE integer USING 1")',
        'op.execute("DROP FUNCTION admit_bookings")',
        'op.execute("CREATE OR REPLACE FUNCTION admit_bookings() RETURNS void")',
    ],
)
def test_what_an_old_version_would_notice_is_found(line: str) -> None:
    assert list(objections(f"def upgrade() -> None:\n    {line}\n"))


@pytest.mark.parametrize(
    "line",
    [
        'op.add_column("clients", sa.Column("kind", sa.Text(), nullable=False, server_default=""))',
        'op.add_column("clients", sa.Column("kind", sa.Text(), nullable=True))',
        'op.create_index("x", "clients", ["kind"], postgresql_concurrently=True)',
    ],
)
def test_what_nobody_would_notice_is_fine(line: str) -> None:
    assert not list(objections(f"def upgrade() -> None:\n    {line}\n"))


@pytest.mark.parametrize(
    ("made", "refusal"),
    [
        ({"0003_notes.py": ("0003", "0002")}, ""),
        ({"0002_notes.py": ("0002", "0001")}, "0002_colours.py and 0002_notes.py have one number"),
        ({"0003_notes.py": ("0003", "0001")}, "0002 and 0003 are all the newest: one must come after the other"),
        ({"0003_notes.py": ("0004", "0002")}, "0003_notes.py is revision 0004"),
        ({"0003_notes.py": ("0002", "0001")}, "Revision 0002 is present more than once"),
        (
            {"0004_notes.py": ("0004", "0003")},
            "Revision 0003 referenced from 0003 -> 0004 (head), notes is not present",
        ),
    ],
)
def test_revisions_stand_in_one_row(tmp_path: Path, made: Mapping[str, tuple[str, str]], refusal: str) -> None:
    versions = tmp_path / "services/painting/migrations/versions"
    versions.mkdir(parents=True)
    for name, (revision, former) in {
        "0001_initial.py": ("0001", ""),
        "0002_colours.py": ("0002", "0001"),
        **made,
    }.items():
        subject = name.removesuffix(".py").partition("_")[2]
        (versions / name).write_text(f'"""{subject}"""\nrevision = {revision!r}\ndown_revision = {former or None!r}\n')

    checked = subprocess.run(
        [sys.executable, ROOT / ".ci/revisions.py", tmp_path], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (1 if refusal else 0, "")
    assert checked.stdout == (f"services/painting/migrations: {refusal}\n" if refusal else "")

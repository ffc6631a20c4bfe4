"""Every member that a problem may have stands in its schema, so that clients can know it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from slotstream_servicekit.http.problems import ProblemOut

ROOT = Path(__file__).parents[2]


def extra_members(tree: ast.AST) -> Iterator[str]:
    """The keys of every literal that is given to an error as its `extra`."""
    for node in ast.walk(tree):
        value: ast.expr | None = None
        if (isinstance(node, ast.keyword) and node.arg == "extra") or (
            isinstance(node, ast.Assign) and any(getattr(target, "attr", "") == "extra" for target in node.targets)
        ):
            value = node.value
        if isinstance(value, ast.Dict):
            yield from (str(key.value) for key in value.keys if isinstance(key, ast.Constant))


def test_every_member_of_a_problem_is_in_its_schema() -> None:
    files = [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    members = {
        (member, path.relative_to(ROOT).as_posix())
        for path in files
        for member in extra_members(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert "current_version" in {member for member, _ in members}
    assert {pair for pair in members if pair[0] not in ProblemOut.model_fields} == set()

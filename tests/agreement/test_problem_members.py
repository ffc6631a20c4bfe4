"""Every member that a problem may have stands in its schema, so that clients can know it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from slotstream_servicekit.http.problems import ProblemOut

ROOT = Path(__file__).parents[2]


OPAQUE = {"libs/servicekit/src/slotstream_servicekit/http/problems.py": {"error.extra"}}
"""What is given as `extra` without being a literal: the extra of an error, which was written as one elsewhere."""


def extras(tree: ast.AST) -> Iterator[ast.expr]:
    """Everything that is given to an error or a problem as its `extra`, whether by keyword or by assignment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "ConfigDict" not in ast.unparse(node.func):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "extra")
        elif isinstance(node, ast.Assign) and any(getattr(target, "attr", "") == "extra" for target in node.targets):
            yield node.value


def test_every_member_of_a_problem_is_in_its_schema() -> None:
    """Each is written out where it is given, so that all of them are read here."""
    members: set[tuple[str, str]] = set()
    unreadable: set[tuple[str, str]] = set()
    for path in [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]:
        place = path.relative_to(ROOT).as_posix()
        for extra in extras(ast.parse(path.read_text(encoding="utf-8"))):
            keys = extra.keys if isinstance(extra, ast.Dict) else [None]
            if all(isinstance(key, ast.Constant) for key in keys):
                members |= {(str(key.value), place) for key in keys if isinstance(key, ast.Constant)}
            elif ast.unparse(extra) not in OPAQUE.get(place, ()):
                unreadable.add((ast.unparse(extra), place))
    assert unreadable == set()
    assert {"current_version", "occurrences"} <= {member for member, _ in members}
    assert {pair for pair in members if pair[0] not in ProblemOut.model_fields} == set()

"""Refuses names that docs/glossary.md says are not used: in file names and in what the code itself names.

Run by `make check`. Comments and texts are not read: a reviewer judges those.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = ("libs/*/src", "services/*/src", "deploy/*/src", "bench")
ROW = re.compile(r"\| `(?P<word>\w+)` \| (?P<where>name|file|variable) \| (?P<instead>.*?) \|")


def main() -> int:
    rows = [match.groupdict() for match in ROW.finditer((ROOT / "docs" / "glossary.md").read_text())]
    if not rows:
        print("docs/glossary.md has no table of words that are not used")
        return 2
    words = {
        where: {row["word"]: row["instead"] for row in rows if row["where"] == where}
        for where in ("name", "file", "variable")
    }
    complaints = [
        complaint
        for folder in CODE
        for path in sorted(ROOT.glob(f"{folder}/**/*.py"))
        for complaint in complaints_about(path, words)
    ]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


def complaints_about(path: Path, words: dict[str, dict[str, str]]) -> Iterator[str]:
    shown = path.relative_to(ROOT)
    for part in shown.with_suffix("").parts:
        if part in words["file"]:
            yield f"{shown}: a file or folder named {part}; {words['file'][part]}"
    tree = ast.parse(path.read_text(), str(path))
    for line, name in names_in(tree):
        plain = name.lstrip("_")
        if plain in words["name"]:
            yield f"{shown}:{line}: the name {name}; {words['name'][plain]}"
    for line, name in variables_in(tree):
        if name in words["variable"]:
            yield f"{shown}:{line}: the variable {name}; {words['variable'][name]}"


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Classes, functions, arguments, and types that are given a name, where they are defined."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.lstrip("_")[:1].isupper():
            yield node.lineno, node.id


def variables_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What loops, comprehensions and assignments bind."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


if __name__ == "__main__":
    sys.exit(main())

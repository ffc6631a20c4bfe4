"""Refuses two revisions of a service with one number, one that is named otherwise than it is numbered, and two heads.

Run by `make check`: two that are written beside each other land one after the other, and neither conflicts.
"""

import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import CommandError

ROOT = Path(__file__).parents[1]


def main(root: Path) -> int:
    folders = sorted(root.glob("services/*/migrations"))
    if not folders:
        print(f"{root} has no migrations")
        return 2
    complaints = [
        f"{folder.relative_to(root)}: {complaint}" for folder in folders for complaint in complaints_about(folder)
    ]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


def complaints_about(folder: Path) -> Iterator[str]:
    files = defaultdict(list)
    for path in sorted(folder.glob("versions/*.py")):
        files[path.name.partition("_")[0]].append(path.name)
    twice = [names for names in files.values() if len(names) > 1]
    yield from (f"{' and '.join(names)} have one number" for names in twice)
    if twice:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a revision that is there twice, or that names one that is not there
        try:
            script = ScriptDirectory(str(folder))
            revisions, heads = list(script.walk_revisions()), script.get_heads()
        except (CommandError, UserWarning) as error:
            yield str(error)
            return
    for revision in revisions:
        name = Path(revision.path).name
        if name.partition("_")[0] != revision.revision:
            yield f"{name} is revision {revision.revision}"
    if len(heads) > 1:
        yield f"{' and '.join(sorted(heads))} are all the newest: one must come after the other"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))

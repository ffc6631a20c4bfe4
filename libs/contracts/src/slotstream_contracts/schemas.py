"""The JSON Schemas of all messages, and the command that writes or checks the committed ones.

    python -m slotstream_contracts.schemas write     after an additive change of the models
    python -m slotstream_contracts.schemas check     fails where the committed files are not the models'
    python -m slotstream_contracts.schemas release   makes today's schemas the ones to stay compatible with

Two per message: `producer`, closed, says exactly what Slotstream sends; `consumer`, open, says what a reader
may rely on while messages grow.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from slotstream_contracts.asyncapi import UntitledFields, asyncapi_document
from slotstream_contracts.envelope import SCHEMA_BASE, envelope_of, schema_uri
from slotstream_contracts.registry import MESSAGE_TYPES

Side = Literal["producer", "consumer"]
SIDES: tuple[Side, ...] = ("producer", "consumer")

PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
SCHEMAS_FOLDER = PACKAGE_FOLDER / "schemas"
ASYNCAPI_FILE = PACKAGE_FOLDER.parents[1] / "docs" / "asyncapi.yaml"
RELEASED = "released.json"


def json_schema(type_name: str, side: Side) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one message in structured mode."""
    schema = envelope_of(type_name).model_json_schema(mode="serialization", schema_generator=UntitledFields)
    schema["properties"]["type"] = {"const": type_name, "type": "string"}
    schema["properties"]["dataschema"] = {"const": schema_uri(type_name), "type": "string"}
    schema["title"] = MESSAGE_TYPES[type_name].__name__
    if side == "producer":
        _close(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE.removesuffix('consumer')}{side}/{type_name}.json",
        **schema,
    }


def _close(node: Any) -> None:
    """Refuses unknown members in every object that names its members."""
    if isinstance(node, dict):
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        for child in node.values():
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)


def schemas_by_type() -> dict[str, dict[str, Any]]:
    """Both schemas of every message type."""
    return {name: {side: json_schema(name, side) for side in SIDES} for name in sorted(MESSAGE_TYPES)}


def schema_files(schemas: Mapping[str, Mapping[str, Any]]) -> dict[Path, str]:
    """What the schemas folder has to hold, by path relative to it."""
    return {
        Path(side) / f"{name}.json": f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n"
        for name, by_side in schemas.items()
        for side, schema in by_side.items()
    }


def differences(folder: Path, asyncapi_file: Path) -> list[str]:
    """The committed files that are not what the models say now, a sentence each."""
    files = schema_files(schemas_by_type())
    found = [
        f"{path} {'differs from the models' if (folder / path).exists() else 'is missing'}"
        for path, content in files.items()
        if not _holds(folder / path, content)
    ]
    found += [
        f"{path.relative_to(folder)} belongs to no message"
        for side in SIDES
        for path in sorted((folder / side).glob("*.json"))
        if path.relative_to(folder) not in files
    ]
    if not _holds(asyncapi_file, asyncapi_text()):
        found.append(f"{asyncapi_file.name} differs from the models")
    return found


def asyncapi_text() -> str:
    # PyYAML is a dependency of this command only, not of those who use the contracts.
    import yaml

    class WithoutAliases(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True

    document = yaml.dump(asyncapi_document(), Dumper=WithoutAliases, sort_keys=False, allow_unicode=True, width=120)
    return f"# Generated from the models by `python -m slotstream_contracts.schemas write`.\n{document}"


def write(folder: Path, asyncapi_file: Path) -> None:
    files = schema_files(schemas_by_type())
    for side in SIDES:
        (folder / side).mkdir(parents=True, exist_ok=True)
        for path in (folder / side).glob("*.json"):
            if path.relative_to(folder) not in files:
                path.unlink()
    for path, content in files.items():
        (folder / path).write_text(content, encoding="utf-8")
    asyncapi_file.parent.mkdir(parents=True, exist_ok=True)
    asyncapi_file.write_text(asyncapi_text(), encoding="utf-8")


def release(folder: Path) -> None:
    """Freezes today's schemas as those that later ones are compared with."""
    text = json.dumps(schemas_by_type(), separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    # A line per message keeps the file's changes readable.
    (folder / RELEASED).write_text(text.replace(',"slotstream.', ',\n"slotstream.') + "\n", encoding="utf-8")


def released_schemas(folder: Path = SCHEMAS_FOLDER) -> dict[str, dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = json.loads((folder / RELEASED).read_text(encoding="utf-8"))
    return schemas


def _holds(path: Path, content: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == content


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m slotstream_contracts.schemas", description=__doc__)
    parser.add_argument("action", choices=("write", "check", "release"))
    parser.add_argument("--folder", type=Path, default=SCHEMAS_FOLDER)
    parser.add_argument("--asyncapi", type=Path, default=ASYNCAPI_FILE)
    chosen = parser.parse_args(arguments)
    match chosen.action:
        case "write":
            write(chosen.folder, chosen.asyncapi)
        case "release":
            write(chosen.folder, chosen.asyncapi)
            release(chosen.folder)
        case _:
            found = differences(chosen.folder, chosen.asyncapi)
            sys.stderr.writelines(f"{line}\n" for line in found)
            return 1 if found else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

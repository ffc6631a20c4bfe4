"""Plain YAML 1.2 for documents made of mappings, lists and scalars: enough to write one, without a library."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/$][A-Za-z0-9_./$ -]*[A-Za-z0-9_/]|[A-Za-z_]")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def to_yaml(document: Mapping[str, Any]) -> str:
    return "\n".join(_lines(document, "")) + "\n"


def _lines(node: Any, indent: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _entry(f"{indent}{_scalar(str(key))}:", value, f"{indent}  ")
    else:
        for value in node:
            yield from _item(value, indent)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if _is_nested(value):
        yield head
        yield from _lines(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if not _is_nested(value):
        yield f"{indent}- {_scalar(value)}"
        return
    first, *rest = _lines(value, f"{indent}  ")
    yield f"{indent}- {first.removeprefix(f'{indent}  ')}"
    yield from rest


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str) and len(value) > 0


def _scalar(value: Any) -> str:
    """JSON is YAML; words that need no quotes go without."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)

"""The texts of pages and mails, from the JSON files that the web application reads too (i18next's JSON v4)."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from dashboard.domain.users import LOCALES

_FOLDER: Final = Path(__file__).parents[1] / "locales"
_PLACEHOLDER: Final = re.compile(r"\{\{(\w+)\}\}")
_RIGHT_TO_LEFT: Final = frozenset({"ar"})
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2,3})(?:-[\w-]+)?(?:\s*;\s*q=([01](?:\.\d{0,3})?))?")


@lru_cache(maxsize=len(LOCALES))
def texts_of(locale: str) -> Mapping[str, str]:
    """Every text of a language, by its dotted key."""
    document = json.loads((_FOLDER / f"{locale}.json").read_text(encoding="utf-8"))
    return dict(_flat(document, ""))


def _flat(node: Mapping[str, object], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in node.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{key}.")
        else:
            pairs.append((prefix + key, str(value)))
    return pairs


class Texts:
    """One language's texts: `texts("sign_in.title")`."""

    def __init__(self, locale: str) -> None:
        self.locale = locale if locale in LOCALES else LOCALES[0]
        self._texts = texts_of(self.locale)

    @property
    def direction(self) -> str:
        return "rtl" if self.locale in _RIGHT_TO_LEFT else "ltr"

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, its placeholders filled. Raises KeyError where there is none."""
        return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), self._texts[key])


def locale_from(accept_language: str | None) -> str:
    """The first of our languages that the browser prefers."""
    wishes: list[tuple[float, str]] = []
    for part in (accept_language or "")[:500].split(","):
        match = _LANGUAGE.fullmatch(part.strip())
        if match is not None:
            wishes.append((float(match[2] or 1), match[1].lower()))
    ranked = sorted(wishes, key=lambda wish: -wish[0])
    return next((language for weight, language in ranked if weight > 0 and language in LOCALES), LOCALES[0])

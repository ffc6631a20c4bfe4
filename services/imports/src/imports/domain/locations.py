"""Where an appointment takes place, as a cell says it."""

import re
from dataclasses import dataclass
from typing import Literal

from imports.domain.catalogue import fold

Kind = Literal["business", "client_address", "phone", "video", "other"]

_URL = re.compile(r"https?://[^\s]+", re.IGNORECASE)
_BY_WORD: dict[str, Kind] = {
    **dict.fromkeys(("business", "in person", "on site", "salon", "office", "praxis", "vor ort"), "business"),
    **dict.fromkeys(("phone", "by phone", "call", "telephone", "telefon", "telefonisch"), "phone"),
    **dict.fromkeys(("video", "online", "video call", "zoom", "google meet", "teams", "videotermin"), "video"),
    **dict.fromkeys(("client", "at home", "home visit", "hausbesuch", "beim kunden"), "client_address"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    kind: Kind
    text: str | None = None
    url: str | None = None


def read_location(text: str) -> Location | None:
    """A known word, a link (by video), or else another place in the text's own words; None for an empty cell."""
    text = text.strip()
    if not text:
        return None
    if (kind := _BY_WORD.get(fold(text))) is not None:
        return Location(kind=kind)
    if (link := _URL.search(text)) is not None:
        rest = (text[: link.start()] + text[link.end() :]).strip(" ,;:-()")
        return Location(kind="video", text=rest or None, url=link[0].rstrip(".,;)"))
    return Location(kind="other", text=text)

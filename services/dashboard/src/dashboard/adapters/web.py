"""The web application's built files, held in memory: a few dozen, each also compressed where that makes it smaller."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "static"
"""Where the build of `web/` writes; absent in a checkout that was never built."""
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
"""What the build makes beside a file, the smallest first."""
_NONCE_PLACE: Final = "<head>"

mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """One file as it is, and under each content coding it is kept in."""

    media_type: str
    content: bytes
    encoded: Mapping[str, bytes] = field(default_factory=dict)

    def choose(self, accepted: str) -> tuple[str | None, bytes]:
        """The coding of a request's Accept-Encoding that is smallest here, and the bytes."""
        codings = {
            part.split(";")[0].strip().lower() for part in accepted.split(",") if ";q=0" not in part.replace(" ", "")
        }
        for coding, content in self.encoded.items():
            if coding in codings:
                return coding, content
        return None, self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class WebApplication:
    """`page` is the one document; `files` are by the path they are asked for under."""

    page: str
    files: Mapping[str, WebFile]

    def page_with(self, nonce: str) -> str:
        """The document, with the nonce that the one style element of its components takes."""
        tag = f'<meta property="csp-nonce" nonce="{nonce}" content="{nonce}">'
        return self.page.replace(_NONCE_PLACE, _NONCE_PLACE + tag, 1)


def read_web_application(folder: Path = FOLDER) -> WebApplication | None:
    """None where nothing was built."""
    page = folder / "index.html"
    if not page.is_file():
        return None
    return WebApplication(
        page=page.read_text(),
        files={f"/{path.relative_to(folder).as_posix()}": _read(path) for path in _public_files(folder)},
    )


def _public_files(folder: Path) -> list[Path]:
    hidden = {*_ENCODINGS.values(), ".html"}
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.suffix not in hidden
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _read(path: Path) -> WebFile:
    encoded = {}
    for coding, suffix in _ENCODINGS.items():
        beside = path.with_name(path.name + suffix)
        if beside.is_file():
            encoded[coding] = beside.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return WebFile(media_type=media_type, content=path.read_bytes(), encoded=encoded)

"""Server-rendered pages and mails: Jinja, autoescaped, in the reader's language."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from dashboard.adapters.localization import Texts

_STYLES: Final = Path(__file__).parents[1] / "styles"
_SCRIPTS: Final = Path(__file__).parents[1] / "scripts"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("dashboard", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, *, texts: Texts, **values: object) -> str:
    return (
        _environment()
        .get_template(template)
        .render(t=texts, lang=texts.locale, direction=texts.direction, stylesheet=stylesheet_path(), **values)
    )


@lru_cache(maxsize=1)
def stylesheet() -> bytes:
    """The design's tokens, then what the pages add."""
    return b"".join((_STYLES / name).read_bytes() for name in ("tokens.css", "pages.css"))


@lru_cache(maxsize=1)
def work_script() -> bytes:
    return (_SCRIPTS / "work.js").read_bytes()


@lru_cache(maxsize=1)
def work_script_path() -> str:
    return f"/pages/{hashlib.sha256(work_script()).hexdigest()[:16]}.js"


@lru_cache(maxsize=1)
def stylesheet_path() -> str:
    """Named by its content, so that a browser may keep it for ever."""
    return f"/pages/{hashlib.sha256(stylesheet()).hexdigest()[:16]}.css"


@lru_cache(maxsize=1)
def push_script() -> bytes:
    return (_SCRIPTS / "push.js").read_bytes()


@lru_cache(maxsize=1)
def push_script_path() -> str:
    return f"/pages/{hashlib.sha256(push_script()).hexdigest()[:16]}.js"


@lru_cache(maxsize=1)
def push_worker() -> bytes:
    return (_SCRIPTS / "push-worker.js").read_bytes()


@lru_cache(maxsize=1)
def passkey_script() -> bytes:
    return (_SCRIPTS / "passkey.js").read_bytes()


@lru_cache(maxsize=1)
def passkey_script_path() -> str:
    return f"/pages/{hashlib.sha256(passkey_script()).hexdigest()[:16]}.js"

"""The HTML page that is made of a text where a template has none, and which way a text is read."""

import re
from html import escape
from typing import Final

from notifications.domain.templates import Text

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"\u2066-\u2069]+")
_RIGHT_TO_LEFT: Final = frozenset({"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
_MARK: Final = "\N{RIGHT-TO-LEFT MARK}"
_STYLE: Final = (
    ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    "@media (prefers-color-scheme:dark){body,.page{background:#1c1c1e!important;color:#f2f2f7!important}"
    "a{color:#8ab4f8!important}}"
)
"""The light colours stand at the elements, for programs that leave this out."""
_PAGE: Final = (
    "max-width:560px;margin:0 auto;padding:24px;font:16px/1.5 system-ui,-apple-system,sans-serif;"
    "overflow-wrap:anywhere;word-break:break-word"
)
"""The addresses of links are longer than a phone is wide."""


def is_right_to_left(language: str) -> bool:
    return language.replace("_", "-").partition("-")[0].lower() in _RIGHT_TO_LEFT


def directed(text: str, language: str) -> str:
    """The text as a plain one keeps its direction: each line's is that of its first letter, so that comes first."""
    if not is_right_to_left(language):
        return text
    return "\n".join(f"{_MARK}{line}" if line.strip() else line for line in text.split("\n"))


def document(body: str, *, title: str, language: str) -> str:
    """A page of its own around what is HTML already: in light and dark, as narrow as a phone.

    Language and direction are said twice: mail programs on the web leave out all that is outside the body.
    """
    read = f'lang="{escape(language)}" dir="{"rtl" if is_right_to_left(language) else "ltr"}"'
    return (
        f'<!doctype html>\n<html {read}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        '<body style="margin:0;background:#fff;color:#1c1c1e">'
        f'<div class="page" {read} style="{_PAGE}">\n{body}\n</div></body></html>\n'
    )


def html_page(text: Text, language: str) -> str:
    """A plain, readable page with the same words."""
    paragraphs = [_linked(escape(paragraph)).replace("\n", "<br>\n") for paragraph in text.text.strip().split("\n\n")]
    body = "\n".join(f'<p style="margin:0 0 16px">{paragraph}</p>' for paragraph in paragraphs)
    return document(body, title=text.subject, language=language)


def _linked(escaped: str) -> str:
    """Addresses in a text that is escaped already become links."""
    return _ADDRESS.sub(lambda match: f'<a href="{match[0]}">{match[0]}</a>', escaped)

"""The HTML page that is made of a text where a template has none, and which way a text is read."""

import re
from html import escape
from typing import Final

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"\u2066-\u2069]+")
_RIGHT_TO_LEFT: Final = frozenset({"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
_MARK: Final = "\N{RIGHT-TO-LEFT MARK}"


def is_right_to_left(language: str) -> bool:
    return language.replace("_", "-").partition("-")[0].lower() in _RIGHT_TO_LEFT


def directed(text: str, language: str) -> str:
    """The text as a plain one keeps its direction: each line's is that of its first letter, so that comes first."""
    if not is_right_to_left(language):
        return text
    return "\n".join(f"{_MARK}{line}" if line.strip() else line for line in text.split("\n"))


def html_page(text: str, language: str) -> str:
    """A plain, readable page with the same words."""
    paragraphs = [_linked(escape(paragraph)).replace("\n", "<br>\n") for paragraph in text.strip().split("\n\n")]
    body = "\n".join(f'<p style="margin:0 0 16px">{paragraph}</p>' for paragraph in paragraphs)
    direction = ' dir="rtl"' if is_right_to_left(language) else ""
    style = "max-width:560px;margin:0 auto;padding:24px;font:16px/1.5 system-ui,-apple-system,sans-serif;color:#1c1c1e"
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"{direction}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>'
        f'<body style="margin:0;background:#fff"><div style="{style}">\n{body}\n</div></body></html>\n'
    )


def _linked(escaped: str) -> str:
    """Addresses in a text that is escaped already become links."""
    return _ADDRESS.sub(lambda match: f'<a href="{match[0]}">{match[0]}</a>', escaped)

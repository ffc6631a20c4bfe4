"""The HTML page that is made of a text where a template has none."""

import re
from html import escape
from typing import Final

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+")


def html_page(text: str, language: str) -> str:
    """A plain, readable page with the same words."""
    paragraphs = [_linked(escape(paragraph)).replace("\n", "<br>\n") for paragraph in text.strip().split("\n\n")]
    body = "\n".join(f'<p style="margin:0 0 16px">{paragraph}</p>' for paragraph in paragraphs)
    style = "max-width:560px;margin:0 auto;padding:24px;font:16px/1.5 system-ui,-apple-system,sans-serif;color:#1c1c1e"
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>'
        f'<body style="margin:0;background:#fff"><div style="{style}">\n{body}\n</div></body></html>\n'
    )


def _linked(escaped: str) -> str:
    """Addresses in a text that is escaped already become links."""
    return _ADDRESS.sub(lambda match: f'<a href="{match[0]}">{match[0]}</a>', escaped)

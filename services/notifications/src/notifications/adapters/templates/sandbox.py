"""Texts with variables: subject, text and page of a message, each a template in the sandbox."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from notifications.domain.templates import Text
from slotstream_contracts.template_variables import VARIABLES
from slotstream_servicekit.templates import TemplateSandbox

MAX_SUBJECT: Final = 250
_WHITESPACE: Final = re.compile(r"\s+")
_SANDBOX: Final = TemplateSandbox(VARIABLES)


def check_text(text: Text) -> None:
    """Raises TemplateRefusedError with a sentence that names the piece and what is wrong with it."""
    for piece, source in _pieces(text):
        _SANDBOX.check(source, piece=piece, html=piece == "html")


def render_text(text: Text, values: Mapping[str, Mapping[str, str]]) -> Text:
    """The text with the values filled in; the subject on one line. Raises TemplateRefusedError."""
    rendered = {
        piece: _SANDBOX.render(source, values, piece=piece, html=piece == "html") for piece, source in _pieces(text)
    }
    subject = _WHITESPACE.sub(" ", rendered["subject"]).strip()[:MAX_SUBJECT]
    return Text(subject=subject, text=rendered["text"].strip() + "\n", html=rendered.get("html"))


def _pieces(text: Text) -> Iterator[tuple[str, str]]:
    yield "subject", text.subject
    yield "text", text.text
    if text.html is not None:
        yield "html", text.html

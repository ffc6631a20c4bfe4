"""What a message says by which a channel is tried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialText:
    language: str
    subject: str
    text: str


_TEXTS: Final[Mapping[str, TrialText]] = {
    language: TrialText(language=language, subject=subject, text=text)
    for language, subject, text in (
        ("en", "A test", "This is a test by Slotstream: messages arrive here. Nothing else was sent."),
        (
            "de",
            "Ein Test",
            "Dies ist ein Test von Slotstream: Nachrichten kommen hier an. Sonst wurde nichts gesendet.",
        ),
        ("fr", "Un essai", "Ceci est un essai de Slotstream : les messages arrivent ici. Rien d'autre n'a été envoyé."),
        ("es", "Una prueba", "Esta es una prueba de Slotstream: los mensajes llegan aquí. No se envió nada más."),
        ("ar", "تجربة", "هذه تجربة من Slotstream: الرسائل تصل إلى هنا. لم يُرسل شيء آخر."),
    )
}


def trial_text(locale: str) -> TrialText:
    """In the language of a BCP 47 tag; in English where there is none in that."""
    return _TEXTS.get(locale.partition("-")[0].lower(), _TEXTS["en"])

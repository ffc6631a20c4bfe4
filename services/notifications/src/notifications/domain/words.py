"""What somebody wrote, without how they wrote it."""

import unicodedata


def bare(text: str) -> str:
    """Compatibility forms, case, accents and outer punctuation off, one space between words."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(
        character
        for character in unicodedata.normalize("NFD", folded)
        if unicodedata.category(character) not in ("Mn", "Cf", "Cc") or character.isspace()
    )
    words = " ".join(letters.split())
    kept = [unicodedata.category(character)[0] in "LN" for character in words]
    if True not in kept:
        return ""
    return words[kept.index(True) : len(kept) - kept[::-1].index(True)]

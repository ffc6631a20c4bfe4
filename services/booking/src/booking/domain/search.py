"""How words are compared when people search: without case, accents, vowel signs, or the script's own letters.

What is stored and what is typed go through the same `folded`, so that they meet.
"""

import re
import unicodedata
from typing import Final

from anyascii import anyascii

_MOST_WORDS: Final = 8
_SORTED_BY: Final = 80
_PHONE = re.compile(r"(?<![\w@.])[+(]?\d(?:[\s()./-]*\d)+(?![\w@])")
_TRUNK_ZERO = re.compile(r"\(0\)")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_WRITTEN_OUT = re.compile("[aou]e")


def folded(text: str) -> str:
    """Lower case in ASCII: `Ölkur` and `olkur` are one word, as are Arabic words with and without vowel signs."""
    apart = unicodedata.normalize("NFKD", text)
    return anyascii("".join(letter for letter in apart if not unicodedata.combining(letter))).lower()


def search_text(name: str, phone: str | None, email: str | None) -> str:
    """What parts of words and digits are looked up in.

    A name with umlauts, or with umlauts written out, is found either way: `Müller` and `Mueller` by `muller` and
    `mueller`.
    """
    plain = folded(name)
    written_out = folded(unicodedata.normalize("NFC", name).lower().translate(_UMLAUTS))
    with_umlauts = _WRITTEN_OUT.sub(lambda match: match.group()[0], plain)
    names = dict.fromkeys((plain, written_out, with_umlauts))
    return " ".join(part for part in (*names, phone, email and folded(email)) if part)


def sort_text(name: str) -> str:
    """What a name is sorted by: its beginning, folded. Bounded, since a page's cursor tells the last one."""
    return " ".join(folded(name).split())[:_SORTED_BY]


def search_words(query: str | None) -> tuple[str, ...]:
    """What all must be found, folded; a phone number is one word of digits, however it is typed.

    A leading zero is the way a number is dialled, not the number: 030 12 34, 0049 30 12 34 and +49 (0)30 12 34
    are all found in +49301234.
    """
    words: list[str] = []

    def take(match: re.Match[str]) -> str:
        digits = "".join(filter(str.isdigit, match.group()))
        words.append(digits.lstrip("0") or digits)
        return " "

    rest = _PHONE.sub(take, _TRUNK_ZERO.sub("", folded(query or "")))
    return tuple(dict.fromkeys([*rest.split(), *words]))[:_MOST_WORDS]

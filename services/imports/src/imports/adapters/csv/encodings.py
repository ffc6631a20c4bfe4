"""How the letters of a text file are written: by its mark, as UTF-8, or in the likeliest of the older encodings.

Older encodings have no mark. Each candidate is tried on all words of the file that hold other letters than ASCII's,
and judged by how such words look in it. Windows-1252 and the encoding of the business's language go before all
others, so that a rare one is only taken where it explains the file better.
"""

import codecs
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from imports.domain.tables import UnreadableFileError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Python's other codecs are for escapes and domain names; some give text that no database can hold.
_OF_FILES: Final = re.compile(
    r"ascii|utf-(8(-sig)?|(16|32)(-[bl]e)?)|iso(8859-\d+|2022_.+)|cp\d+|mac-.+|koi8-.|gb.+|hz|big5.*|shift_jis.*|"
    r"euc_.+|johab|tis-620|ptcp154|kz1048|hp-roman8"
)
_WESTERN: Final = "cp1252"
_BY_LANGUAGE: Final = {
    **dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "bs", "ro", "sq"), ("cp1250",)),
    **dict.fromkeys(("ru", "uk", "bg", "sr", "mk", "be"), ("cp1251", "koi8-u", "cp866")),
    "el": ("cp1253",),
    "tr": ("cp1254",),
    "he": ("cp1255",),
    **dict.fromkeys(("ar", "fa", "ur"), ("cp1256",)),
    **dict.fromkeys(("lt", "lv", "et"), ("cp1257",)),
    "vi": ("cp1258",),
    "th": ("cp874",),
    "ja": ("cp932", "euc_jp"),
    "ko": ("cp949",),
    "zh": ("gb18030", "big5"),
}
_OTHERS: Final = ("cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "cp1256", "cp1255", "cp850", "mac-roman", "cp866")
_SEVERAL_BYTES: Final = frozenset({"cp932", "euc_jp", "cp949", "gb18030", "big5"})
_UTF_8_LETTER: Final = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_WORD: Final = re.compile(rb"[A-Za-z'\x80-\xff]*[\x80-\xff][A-Za-z'\x80-\xff]*")
_MOST_WORDS: Final = 5_000
_SCRIPTS: Final = (("LATIN", 0x0041, 0x024F), ("GREEK", 0x0370, 0x03FF), ("CYRILLIC", 0x0400, 0x052F),
                   ("HEBREW", 0x0590, 0x05FF), ("ARABIC", 0x0600, 0x06FF), ("THAI", 0x0E00, 0x0E7F))  # fmt: skip
_UNDEFINED: Final = 10
_TYPOGRAPHIC: Final = frozenset("’‘“”„–—…€°§©®™·«»¿¡½¼¾²³ºª\u00a0")  # noqa: RUF001 - the signs themselves


@dataclass(frozen=True, slots=True)
class Encoding:
    """`is_guessed`: the bytes alone do not say. `is_damaged`: it is UTF-8 but for a few bytes."""

    name: str
    is_guessed: bool = False
    is_damaged: bool = False


def detect_encoding(content: bytes, *, language: str) -> Encoding:
    for mark, name in _MARKS:
        if content.startswith(mark):
            return Encoding(name)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        if _is_mostly_utf_8(content):
            return Encoding("utf-8", is_damaged=True)
        return Encoding(_likeliest(content, language), is_guessed=True)
    return Encoding("utf-8")


def checked_encoding(name: str) -> str:
    """Raises UnreadableFileError where it is none that files are written in."""
    try:
        if _OF_FILES.fullmatch(codecs.lookup(name).name) is not None:
            return name
    except LookupError:
        pass
    raise UnreadableFileError(f"There is no encoding {name!r} for files")


def encoding_choices(language: str) -> tuple[str, ...]:
    own = _BY_LANGUAGE.get(language.partition("-")[0].lower(), ())
    return tuple(dict.fromkeys(("utf-8", *own, _WESTERN, *_OTHERS)))


def _is_mostly_utf_8(content: bytes) -> bool:
    """Letters of several bytes that are right by chance are rare: one of them outweighs a wrong byte."""
    right = len(_UTF_8_LETTER.findall(content))
    wrong = content.decode("utf-8", "replace").count("\ufffd") - content.count("\ufffd".encode())
    return right >= max(wrong, 1)


def _likeliest(content: bytes, language: str) -> str:
    own = _BY_LANGUAGE.get(language.partition("-")[0].lower(), ())
    words = list(dict.fromkeys(_WORD.findall(content)))[:_MOST_WORDS]
    best, least = _WESTERN, None
    for candidate in dict.fromkeys((*own, _WESTERN, *_OTHERS)):
        oddness = _oddness_of_file(content, words, candidate)
        if least is None or oddness < least:
            best, least = candidate, oddness
    return best


def _oddness_of_file(content: bytes, words: list[bytes], encoding: str) -> int:
    if encoding in _SEVERAL_BYTES:
        # A letter may end with a byte of ASCII: only the whole file tells whether it can be written so.
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            return _UNDEFINED * (len(words) + 1)
        return 0
    return sum(_oddness(word.decode(encoding, "replace")) for word in words)


def _oddness(word: str) -> int:
    """How unlike a word this is: signs and undefined bytes, scripts mixed, capitals within, accent upon accent."""
    odd = 0
    for letter in word:
        if letter == "\ufffd" or "\x80" <= letter < "\xa0":
            odd += _UNDEFINED
        elif not letter.isalpha() and letter != "'":
            odd += 1 if letter in _TYPOGRAPHIC else 4
    for left, right in pairwise(word):
        if left.isalpha() and right.isalpha():
            if _script(left) != _script(right):
                odd += 3
            elif not left.isascii() and not right.isascii() and _script(left) == "LATIN":
                odd += 1
            if left.islower() and right.isupper() and not right.isascii():
                odd += 2
        elif (left in _TYPOGRAPHIC and right.isascii()) or (left.isascii() and right in _TYPOGRAPHIC):
            odd += left.isalpha() or right.isalpha()
    return odd


def _script(letter: str) -> str:
    point = ord(letter)
    return next((name for name, first, last in _SCRIPTS if first <= point <= last), "OTHER")

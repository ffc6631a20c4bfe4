"""From a calendar's bytes to its content lines (RFC 5545 §3.1), forgiving what real exporters get wrong."""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")
_WIDE_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_WIDE_CHARSETS = frozenset({"utf-16", "utf-16le", "utf-16be", "utf-16-le", "utf-16-be", "utf-32"})
_UTF8_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(r"[A-Za-z0-9-]+")
_NAMES_THAT_COUNT = frozenset(
    {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", "UID", "FREEBUSY"}
)
_NAMES_READ = _NAMES_THAT_COUNT | {
    *("BEGIN", "END", "SEQUENCE", "STATUS", "TRANSP"),
    *("TZID", "TZOFFSETFROM", "TZOFFSETTO", "X-WR-TIMEZONE"),
}
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]+)\s*=\s*((?:"[^"]*"|[^";:,])*(?:,(?:"[^"]*"|[^";:,])*)*)')
_DATE_BEHIND_A_ZONE = re.compile(r"(?!\d{8})([^:]*):(\d{8}.*)")
_ESCAPED = re.compile(r"\\(.)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One property with its upper-case name and parameters. `number` is where it begins in the file, from 1.

    `is_malformed`: it begins with the name of a property that counts, but is none.
    """

    number: int
    name: str
    parameters: Mapping[str, str]
    value: str
    is_malformed: bool = False

    @property
    def word(self) -> str:
        """A value of a closed set, such as TRANSPARENT, however it is written."""
        return self.value.strip().upper()

    @property
    def text(self) -> str:
        """A TEXT value without its escapes (§3.3.11)."""
        return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], self.value).strip()


_CHARSETS = re.compile(
    r"ascii|utf-8|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+|shift_jis(x0213|_2004)?|euc_\w+|iso2022_\w+|gb2312|gbk|gb18030|big5(hkscs)?|hz"
)
"""What is text in single lines; Python also has codecs that are none, such as one for its own escapes."""


def content_lines(text: bytes, *, charset: str | None) -> Iterator[Line]:
    """The properties of `text`. A line that is none, such as the rest of an unfolded note, is passed over.

    `charset` is what the server said. Folds are undone before decoding: they may part a character's bytes.
    """
    text, charset = _as_bytes_of_one_byte_newlines(text, charset)
    number = 1
    for raw, lines in _unfolded(text):
        line = _line(_decoded(raw, charset), number)
        number += lines
        if line is not None:
            yield line


def has_control_characters(value: str) -> bool:
    return _CONTROL.search(value) is not None


def without_control_characters(value: str) -> str:
    return _CONTROL.sub("", value)


def _as_bytes_of_one_byte_newlines(text: bytes, charset: str | None) -> tuple[bytes, str | None]:
    """UTF-16 and UTF-32 as UTF-8; anything else as it is, since its line ends are single bytes."""
    for bom, wide in _WIDE_BOMS:
        if text.startswith(bom):
            return text.decode(wide, errors="replace").encode(), None
    if text.startswith(_UTF8_BOM):
        return text[len(_UTF8_BOM) :], None
    if charset is not None and charset.lower().replace("_", "-") in _WIDE_CHARSETS:
        return text.decode(charset, errors="replace").encode(), None
    return text, charset if charset is not None and _is_known(charset) else None


def _is_known(charset: str) -> bool:
    try:
        return _CHARSETS.fullmatch(codecs.lookup(charset).name) is not None
    except (LookupError, ValueError):
        return False


def _unfolded(text: bytes) -> Iterator[tuple[bytes, int]]:
    """Each logical line, and how many lines of the file it takes."""
    pending: list[bytes] = []
    for raw in _LINE_END.split(text):
        if pending and raw[:1] in (b" ", b"\t"):
            pending.append(raw[1:])
            continue
        if pending:
            yield b"".join(pending), len(pending)
        pending = [raw]
    yield b"".join(pending), len(pending)


def _decoded(raw: bytes, charset: str | None) -> str:
    """By the server's charset, else as UTF-8; what is neither, as Latin-1, in which no two bytes are one character."""
    if charset is not None:
        try:
            return raw.decode(charset)
        except UnicodeError:
            pass
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _line(text: str, number: int) -> Line | None:
    text = text.lstrip("\ufeff")
    match = _NAME.match(text)
    if match is None:
        return None
    name = match[0].upper()
    if name not in _NAMES_READ:
        # Only the identity of an event without UID needs it, as it is.
        return Line(number=number, name=name, parameters={}, value=text[match.end() :])
    parameters: dict[str, str] = {}
    position = match.end()
    while (parameter := _PARAMETER.match(text, position)) is not None:
        parameters.setdefault(parameter[1].upper(), parameter[2].replace('"', "").strip())
        position = parameter.end()
    rest = text[position:].lstrip()
    if not rest.startswith(":"):
        if match[0] not in _NAMES_THAT_COUNT:
            return None
        return Line(number=number, name=match[0], parameters={}, value="", is_malformed=True)
    value = rest[1:]
    cut = _DATE_BEHIND_A_ZONE.fullmatch(value) if "TZID" in parameters else None
    if cut is not None:
        # A zone's name with a colon in it, such as `UTC-03:00`, that was not put in quotes.
        parameters["TZID"], value = f"{parameters['TZID']}:{cut[1]}", cut[2]
    return Line(number=number, name=name, parameters=parameters, value=value)

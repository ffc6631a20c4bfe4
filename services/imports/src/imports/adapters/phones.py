"""Phone numbers, read by Google's metadata.

Reading a number in full costs more than everything else that is done for a row. Most are written plainly, and for
those the metadata's own patterns say at once what the whole parser would say; whatever is in any way unusual, or not
valid, is left to the parser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

from imports.domain.validation import Phone

_PLAIN = re.compile(r"\+?[0-9(][0-9 ()./-]{3,30}")
_MAY_BE_INSIDE = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){5}")
_DATE = re.compile(r"\s*[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}([T ,]+[0-9]{1,2}:[0-9]{2}.*)?")
_LETTER = re.compile(r"[^\W\d_]")
_NOT_DIGITS = re.compile(r"[^0-9]+")
_LEADING_REGION = {str(code): regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
MOST_PHONES = 20
"""So many phones are looked for in one text: each costs as much as a row otherwise does."""
_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "shared_cost",
    "premium_rate",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)


@lru_cache(maxsize=65_536)
def read_phone(typed: str, region: str) -> Phone | None:
    """None where the number is not valid; `region` reads numbers without a country code."""
    plain = read_plain_phone(typed, region)
    return Phone(e164=plain) if plain is not None else read_any_phone(typed, region)


def find_phones(text: str, region: str) -> Iterator[str]:
    """E.164 of the first valid numbers of a text, which may be the whole of a line or stand somewhere in it."""
    return islice(_phones_in(text, region), MOST_PHONES)


def _phones_in(text: str, region: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if _MAY_BE_INSIDE.search(line) and not _DATE.fullmatch(line)]
    left: list[str] = []
    for line in lines:
        # The parser takes letters for the digits that they share a key with.
        whole = None if _LETTER.search(line) else read_phone(line, region)
        if whole is None:
            left.append(line)
        else:
            yield whole.e164
    for match in phonenumbers.PhoneNumberMatcher("\n".join(left), region, max_tries=MOST_PHONES):
        yield phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)


def read_any_phone(typed: str, region: str) -> Phone | None:
    national, international = _parsed(typed, region), None
    if _begins_with_country_code(typed, region):
        international = _parsed(f"+{_NOT_DIGITS.sub('', typed)}", region)
    if international is None:
        return None if national is None else Phone(e164=national)
    # Numbers of some countries have any length: with the code before it a second time, it may be valid as well.
    return Phone(e164=international, is_assumed=national is not None and national != international)


def _begins_with_country_code(typed: str, region: str) -> bool:
    """Whether the digits begin with the code of `region`, without the plus sign that would say so."""
    digits = _NOT_DIGITS.sub("", typed)
    code = phonenumbers.country_code_for_region(region)
    return bool(code) and "+" not in typed and digits.startswith(str(code))


def _parsed(typed: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_plain_phone(typed: str, region: str) -> str | None:
    """E.164 of a valid number that is written plainly; None where the whole parser has to be asked."""
    if not _PLAIN.fullmatch(typed):
        return None
    digits = _NOT_DIGITS.sub("", typed)
    if typed[0] == "+":
        code = next((digits[:length] for length in (1, 2, 3) if digits[:length] in _LEADING_REGION), "")
        plan = _plan_of_region(_LEADING_REGION[code]) if code else None
        number = digits[len(code) :]
    else:
        plan = _plan_of_region(region)
        number = digits if plan is None else plan.without_prefix(digits)
    if plan is None or plan.has_prefix(number) or not plan.is_valid(number):
        return None
    return f"+{plan.code}{number}"


@dataclass(frozen=True, slots=True)
class _Pattern:
    lengths: frozenset[int]
    digits: re.Pattern[str]

    def fits(self, number: str) -> bool:
        return len(number) in self.lengths and self.digits.fullmatch(number) is not None


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbering plan of the region that leads a country code."""

    code: str
    international: re.Pattern[str] | None
    national: re.Pattern[str] | None
    general: _Pattern
    kinds: tuple[_Pattern, ...]

    def has_prefix(self, number: str) -> bool:
        return self.national is not None and self.national.match(number) is not None

    def without_prefix(self, digits: str) -> str:
        """The national number, or nothing where the digits may begin with a country code."""
        if digits.startswith(self.code) or (self.international and self.international.match(digits)):
            return ""
        prefix = self.national.match(digits) if self.national else None
        return digits[prefix.end() :] if prefix else digits

    def is_valid(self, number: str) -> bool:
        return self.general.fits(number) and any(kind.fits(number) for kind in self.kinds)


@cache
def _plan_of_region(region: str) -> _Plan | None:
    """None for regions whose numbers cannot be told by patterns of their own."""
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.leading_digits is not None:
        return None
    code = str(metadata.country_code)
    if _LEADING_REGION.get(code) != region:
        return None
    national = metadata.national_prefix_for_parsing
    parser_is_needed = national is not None and (metadata.national_prefix_transform_rule or "(" in national)
    general = _pattern(metadata.general_desc)
    if general is None or parser_is_needed:
        return None
    described = (_pattern(getattr(metadata, kind), like=general) for kind in _KINDS)
    return _Plan(
        code=code,
        international=re.compile(metadata.international_prefix) if metadata.international_prefix else None,
        national=re.compile(national) if national else None,
        general=general,
        kinds=tuple(kind for kind in described if kind is not None),
    )


def _pattern(described: PhoneNumberDesc | None, *, like: _Pattern | None = None) -> _Pattern | None:
    """What one kind of number looks like; where its lengths are not given, they are those of `like`."""
    if described is None or not described.national_number_pattern:
        return None
    lengths = frozenset(described.possible_length) - frozenset(described.possible_length_local_only)
    if not lengths and like is not None:
        lengths = like.lengths
    return _Pattern(lengths, re.compile(described.national_number_pattern))

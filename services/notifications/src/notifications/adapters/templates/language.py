"""The words that a language brings to the built-in templates' common form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifications.domain.messages import Audience, Kind

WHEN_SHORT: Final = "{{ appointment.date }}, {{ appointment.time }}"
SERVICE: Final = "{{ appointment.service }}"
BUSINESS: Final = "{{ business.name }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The words of one language. `news` holds subject and sentence; `{…}` are the form's own places."""

    take: str
    until: str
    hello: str
    with_whom: str
    for_whom: str
    where: str
    questions: str
    phone: str
    email: str
    formerly: str
    confirm: str
    change: str
    messages: str
    when: str
    news: Mapping[tuple[Kind, Audience], tuple[str, str]]

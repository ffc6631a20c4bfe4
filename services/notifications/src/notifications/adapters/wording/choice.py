"""Which wording a message gets: in the recipient's language first, then the closest to the business."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from notifications.adapters.wording.defaults import built_in
from notifications.domain import Audience, Channel, Kind, Template, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The wording, the locale it is written in, and the template it came from (None: built in)."""

    text: Text
    locale: str
    template_id: UUID | None = None


def choose_template(
    *,
    kind: Kind,
    audience: Audience,
    channel: Channel,
    business_id: UUID,
    locales: Sequence[str | None],
    templates: Sequence[Template],
) -> Choice:
    """For each locale wished for, in turn: the business's template, the organization's, the built-in one.

    `de-AT` falls back to `de`; English is always there.
    """
    fitting = [each for each in templates if (each.kind, each.audience, each.channel) == (kind, audience, channel)]
    for locale in _with_languages(locales):
        for owner in (business_id, None):
            for each in fitting:
                if each.business_id == owner and _normal(each.locale) == locale:
                    return Choice(text=each.text, locale=locale, template_id=each.id)
        text = built_in(kind, audience, locale)
        if text is not None:
            return Choice(text=text, locale=locale)
    raise LookupError(f"there is no wording for {kind} to {audience}")


def _with_languages(locales: Sequence[str | None]) -> Iterator[str]:
    for each in (*locales, "en"):
        if each:
            locale = _normal(each)
            yield locale
            if "-" in locale:
                yield locale.partition("-")[0]


def _normal(tag: str) -> str:
    return tag.replace("_", "-").lower()

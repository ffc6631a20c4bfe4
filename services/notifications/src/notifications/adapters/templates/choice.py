"""Which template a message gets: in the recipient's language first, then the closest to the business."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from notifications.adapters.templates.defaults import built_in
from notifications.domain.messages import Audience, Channel, Kind
from notifications.domain.templates import Template, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A template's text, the locale it is written in, and the template it came from (None: built in)."""

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
    """For each locale, in turn: the business's template, the organization's, the built-in one.

    `de-AT` falls back to `de`; English is always there.
    """
    fitting = [
        template
        for template in templates
        if (template.kind, template.audience, template.channel) == (kind, audience, channel)
    ]
    for locale in _with_languages(locales):
        for owner in (business_id, None):
            for template in fitting:
                if template.business_id == owner and _normal(template.locale) == locale:
                    return Choice(text=template.text, locale=locale, template_id=template.id)
        text = built_in(kind, audience, locale, channel)
        if text is not None:
            return Choice(text=text, locale=locale)
    raise LookupError(f"there is no template for {kind} to {audience}")


def fitting_locales(locales: Iterable[str | None]) -> frozenset[str]:
    """All that the locale of a template may be, in lower case with hyphens, to be chosen for one of these."""
    return frozenset(_with_languages(locales))


def _with_languages(locales: Iterable[str | None]) -> Iterator[str]:
    for tag in (*locales, "en"):
        if tag:
            locale = _normal(tag)
            yield locale
            if "-" in locale:
                yield locale.partition("-")[0]


def _normal(tag: str) -> str:
    return tag.replace("_", "-").lower()

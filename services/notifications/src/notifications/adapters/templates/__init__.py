"""Templates: sandboxed ones of users, the built-in ones, and times as people write them."""

from notifications.adapters.templates.agenda import AGENDA_LOCALES, agenda_text
from notifications.adapters.templates.choice import Choice, choose_template, fitting_locales
from notifications.adapters.templates.defaults import BUILT_IN_LOCALES, DEFAULTS, built_in
from notifications.adapters.templates.failing_account import failing_account_text
from notifications.adapters.templates.pages import directed, html_page
from notifications.adapters.templates.push import PUSH_LOCALES
from notifications.adapters.templates.sandbox import check_text, render_text
from notifications.adapters.templates.spoken import SPOKEN_LOCALES
from notifications.adapters.templates.values import (
    SAMPLE_APPOINTMENT,
    TemplateValues,
    closest_tag,
    locale_of,
    sample_values,
    values_of,
)
from slotstream_contracts.template_variables import VARIABLES

__all__ = [
    "AGENDA_LOCALES",
    "BUILT_IN_LOCALES",
    "DEFAULTS",
    "PUSH_LOCALES",
    "SAMPLE_APPOINTMENT",
    "SPOKEN_LOCALES",
    "VARIABLES",
    "Choice",
    "TemplateValues",
    "agenda_text",
    "built_in",
    "check_text",
    "choose_template",
    "closest_tag",
    "directed",
    "failing_account_text",
    "fitting_locales",
    "html_page",
    "locale_of",
    "render_text",
    "sample_values",
    "values_of",
]

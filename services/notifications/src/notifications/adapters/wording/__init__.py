"""Wording: sandboxed templates, the built-in ones, and times as people write them."""

from notifications.adapters.wording.choice import Choice, choose_template
from notifications.adapters.wording.defaults import BUILT_IN_LOCALES, DEFAULTS, built_in
from notifications.adapters.wording.facts import Facts, facts_of, locale_of, sample_facts
from notifications.adapters.wording.sandbox import check_text, render_text
from notifications.adapters.wording.variables import VARIABLES

__all__ = [
    "BUILT_IN_LOCALES",
    "DEFAULTS",
    "VARIABLES",
    "Choice",
    "Facts",
    "built_in",
    "check_text",
    "choose_template",
    "facts_of",
    "locale_of",
    "render_text",
    "sample_facts",
]

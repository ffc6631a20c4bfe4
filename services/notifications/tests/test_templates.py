"""Templates: what they can say, and what they cannot do."""

import re
import time
from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo, available_timezones

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.adapters.templates import (
    BUILT_IN_LOCALES,
    DEFAULTS,
    built_in,
    check_text,
    directed,
    html_page,
    render_text,
    sample_values,
)
from notifications.adapters.templates.zones import zone_name
from notifications.domain.messages import Audience, Channel, Kind
from notifications.domain.templates import Text
from slotstream_contracts.template_variables import VARIABLES
from slotstream_servicekit.errors import TemplateRefusedError
from slotstream_servicekit.templates import MAX_OUTPUT, MAX_SOURCE

VALUES = sample_values("en")


def a_text(text: str = "x", *, subject: str = "s", html: str | None = None) -> Text:
    return Text(subject=subject, text=text, html=html)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'a' ~ 'b' }}",
        "{{ 'a' + 'b' }}",
        "{% for x in client.name %}a{% endfor %}",
        "{% for a in range(10**9) %}{% endfor %}",
        "{{ range(10**9) }}",
        "{{ client.name.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ client['name'] }}",
        "{{ client.name|attr('__class__') }}",
        "{{ client.name|replace('a', 'aaaaaaaa') }}",
        "{{ client.name|center(1000000000) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ client.name.format(1) }}",
        "{{ self }}",
        "{{ cycler }}",
        "{{ lipsum(n=1000) }}",
        "{{ client }}",
        "{{ client.nothing }}",
        "{{ unknown.name }}",
        "{% set x = 1 %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% block a %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% if %}",
        "{{",
        "{# ",
        "{{ [1, 2] }}",
        "{{ {'a': 1} }}",
        "{{ (" + "(" * 5_000 + "1" + ")" * 5_000 + ") }}",
        "{{ " + "not " * 4_000 + "1 }}",
        "{{ 1" + "0" * 15_000 + " }}",
        "{{ client.name" + "|upper" * 3_000 + " }}",
        "{% if client.name %}" * 900 + "{% endif %}" * 900,
        "x" * (MAX_SOURCE + 1),
        "a\x00b",
    ],
)
def test_what_could_escape_or_explode_is_refused_at_once(source: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateRefusedError):
        check_text(a_text(source))
    assert time.process_time() - started < 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *("{{", "}}", "{%", "%}", " if ", " endif ", " else ", " elif ", "client.name", "'a'", "9", "*", "**"),
                *("|upper", "|default(", ")", "(", "client", ".", "__class__", "[", "]", "for x in ", "~", "\n", "é"),
            ]
        ),
        max_size=40,
    )
)
def test_whatever_is_written_is_refused_or_short(pieces: list[str]) -> None:
    text = a_text("".join(pieces))
    try:
        rendered = render_text(text, VALUES)
    except TemplateRefusedError:
        return
    assert len(rendered.text) <= MAX_OUTPUT


def test_conditions_filters_and_variables_work() -> None:
    source = (
        "{% if appointment.staff and not appointment.action %}With {{ appointment.staff|upper }}{% else %}?{% endif %}"
        " {{ appointment.action|default('nothing', true) }} {{ 'yes' if business.phone == '+49 30 5550100' else 'no' }}"
    )
    assert render_text(a_text(source), VALUES).text == "With ADA nothing yes\n"


def test_facts_are_escaped_in_html_and_not_in_text() -> None:
    values = {**VALUES, "client": {"name": "<b>Grace</b> {{ 7 }}"}}
    shown = render_text(a_text("{{ client.name }}", html="<p>{{ client.name }}</p>"), values)
    assert shown.text == "<b>Grace</b> {{ 7 }}\n"
    assert shown.html == "<p>&lt;b&gt;Grace&lt;/b&gt; {{ 7 }}</p>"


def test_a_subject_is_one_line() -> None:
    values = {**VALUES, "client": {"name": "Grace\r\nBcc: everyone@example.com"}}
    assert "\n" not in render_text(a_text(subject="Hello\n{{ client.name }}"), values).subject


@pytest.mark.parametrize("locale", BUILT_IN_LOCALES)
@pytest.mark.parametrize(("kind", "audience"), DEFAULTS)
def test_every_built_in_template_is_allowed_and_complete(locale: str, kind: object, audience: object) -> None:
    text = built_in(kind, audience, locale)  # type: ignore[arg-type]
    assert text is not None
    check_text(text)
    shown = render_text(text, sample_values(locale))
    assert "{" not in shown.text + shown.subject
    # Whose it is not is told nothing of what it is.
    assert ("Haircut" in shown.subject + shown.text) is (kind is not Kind.WITHDRAWN)
    assert "Salon Nord" in shown.text


EVERY_CHANNEL = [(channel, locale) for channel in Channel for locale in ("en", "de", "fr", "es", "ar")]


@pytest.mark.parametrize(("channel", "locale"), EVERY_CHANNEL)
def test_every_language_has_what_the_others_have_and_it_reads_with_every_sample(channel: Channel, locale: str) -> None:
    in_english = {key for key in DEFAULTS if built_in(*key, "en", channel) is not None}
    assert {key for key in DEFAULTS if built_in(*key, locale, channel) is not None} == in_english
    assert in_english
    nobody = {group: dict.fromkeys(names, "") for group, names in VARIABLES.items()}
    for kind, audience in in_english:
        text = built_in(kind, audience, locale, channel)
        assert text is not None
        check_text(text)
        for values in (sample_values("en"), sample_values(locale), nobody):
            shown = render_text(text, values)
            assert "{" not in shown.text + shown.subject, (kind, audience)


def test_words_in_arabic_are_arabic() -> None:
    """Whatever is not filled in is written in Arabic letters, but for what every language writes alike."""
    nobody = {group: dict.fromkeys(names, "") for group, names in VARIABLES.items()}
    for kind, audience in DEFAULTS:
        for channel in Channel:
            text = built_in(kind, audience, "ar", channel)
            if text is not None:
                shown = render_text(text, nobody)
                written = (shown.subject + shown.text).replace("Slotstream", "")
                assert not re.search("[A-Za-z]", written), (kind, channel)


def test_a_mail_in_arabic_is_read_from_right_to_left_as_a_page_and_as_text() -> None:
    text = built_in(Kind.CREATED, Audience.CLIENT, "ar")
    assert text is not None
    whole = render_text(text, sample_values("ar"))
    shown = whole.text
    assert '<html lang="ar" dir="rtl">' in html_page(whole, "ar")
    lines = [line for line in directed(shown, "ar").split("\n") if line]
    assert {line[0] for line in lines} == {"\N{RIGHT-TO-LEFT MARK}"}
    # What is filled in stands apart, and a link ends where it ends.
    assert "\u2068+49 30 5550100\u2069" in shown
    assert re.search(r'href="https://example.com/p/sample"', html_page(whole, "ar"))
    for language in ("en", "de", "fr", "es"):
        assert directed(shown, language) == shown
        assert "rtl" not in html_page(whole, language)


@pytest.mark.parametrize(
    ("zone", "month", "name"),
    [
        ("Europe/Dublin", 1, "Greenwich Mean Time"),
        ("Europe/Dublin", 7, "Irish Standard Time"),
        ("America/Vancouver", 1, "Vancouver time, UTC\N{MINUS SIGN}7"),
        ("America/Los_Angeles", 1, "Pacific Standard Time"),
        ("America/Los_Angeles", 7, "Pacific Daylight Time"),
        ("Europe/Berlin", 7, "Central European Summer Time"),
        ("Asia/Kolkata", 7, "India Time"),
    ],
)
def test_a_zones_name_says_the_offset_that_holds(zone: str, month: int, name: str) -> None:
    moment = datetime(2027, month, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert zone_name(moment, Locale.parse("en")) == name


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ar", "ja"])
def test_every_zone_has_a_name_in_every_language(language: str) -> None:
    locale = Locale.parse(language)
    for zone in available_timezones() - {"localtime", "Factory"}:
        for month in (1, 7):
            assert zone_name(datetime(2027, month, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)), locale)


def test_every_locale_that_is_known_names_a_zone() -> None:
    moments = [datetime(2027, 7, 1, 12, tzinfo=ZoneInfo(zone)) for zone in ("Europe/Berlin", "America/Vancouver")]
    for tag in locale_identifiers():
        assert all(zone_name(moment, Locale.parse(tag)) for moment in moments), tag


def test_no_two_offsets_go_by_one_name_at_one_time() -> None:
    for month in (1, 7):
        offsets: dict[str, set[object]] = {}
        for zone in available_timezones() - {"localtime", "Factory"}:
            moment = datetime(2027, month, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone))
            offsets.setdefault(zone_name(moment, Locale.parse("en")), set()).add(moment.utcoffset())
        assert {name: found for name, found in offsets.items() if len(found) > 1} == {}


def test_a_template_is_too_expensive_by_the_time_that_it_computes_and_not_by_the_time_that_it_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = Text(subject="Hello", text="{{ client.name }} " * 20)
    values = {"client": {"name": "Grace"}}
    moments = count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(moments)))
    assert render_text(text, values).subject == "Hello"

    monkeypatch.setattr(time, "thread_time", lambda: float(next(moments)))
    with pytest.raises(TemplateRefusedError, match="too long"):
        render_text(text, values)

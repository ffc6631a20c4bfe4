"""The built-in mails as a person reads them: in light, in dark and on a phone, and nothing in them is fetched.

No service runs. The pictures are in the test's own folder (`--basetemp=mails` says where), for whoever wants to look.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from harness.accessibility import BEYOND, axe_findings
from playwright.async_api import Browser, Page

from notifications.adapters.templates import (
    BUILT_IN_LOCALES,
    DEFAULTS,
    agenda_text,
    built_in,
    html_page,
    locale_of,
    render_text,
    sample_values,
)
from notifications.adapters.templates.values import SAMPLE_APPOINTMENT
from notifications.domain.agenda import Agenda, AgendaEntry
from notifications.domain.messages import Kind
from notifications.domain.templates import Text

ADDRESS = f"https://desk.example.com/p/{'Zm9yIG9uZSBhcHBvaW50bWVudA' * 6}"
"""As long as a client's link is."""
LOOKED_AT = (Kind.CREATED, Kind.RESCHEDULED, Kind.SLOT_OFFERED)
SCHEMES = {"light": "rgb(255, 255, 255)", "dark": "rgb(28, 28, 30)"}
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1024, "height": 768}


def _mails(language: str) -> Iterator[tuple[str, str]]:
    """Every built-in mail, with all that can stand in it; its name and its page."""
    sample = sample_values(language)
    values = {**sample, "links": dict.fromkeys(sample["links"], ADDRESS)}
    for kind, audience in DEFAULTS:
        source = built_in(kind, audience, language)
        assert source is not None
        yield f"{kind}-{audience}", html_page(render_text(source, values), language)
    yield "by-hand", html_page(Text(subject="Salon Nord", text=f"{'Donaudampfschifffahrt' * 4}\n{ADDRESS}"), language)
    agenda = agenda_text(_agenda(), locale=locale_of(language), profile=ADDRESS)
    assert agenda.html is not None
    yield "agenda", agenda.html


def _agenda() -> Agenda:
    night = SAMPLE_APPOINTMENT.starts_at.replace(hour=21)
    over_midnight = replace(SAMPLE_APPOINTMENT, starts_at=night, ends_at=night + timedelta(hours=9))
    elsewhere = replace(SAMPLE_APPOINTMENT, zone="America/Vancouver", status="pending")
    entries = [
        AgendaEntry(appointment=each, client_name=name, business_name="Salon Nord")
        for each in (SAMPLE_APPOINTMENT, over_midnight, elsewhere)
        for name in ("Grace Hopper", "Frau Dr. Müller-Lüdenscheidt-Donaudampfschifffahrt")
    ]
    return Agenda(day=night.date(), zone=SAMPLE_APPOINTMENT.zone, entries=tuple(entries), left_out=3)


@asynccontextmanager
async def _reading(browser: Browser) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page, and what it asks of the network."""
    async with await browser.new_context(viewport=DESK) as context:
        page = await context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        yield page, asked


@pytest.mark.parametrize("language", BUILT_IN_LOCALES)
async def test_no_mail_is_wider_than_a_phone_or_fetches_anything(browser: Browser, language: str) -> None:
    async with _reading(browser) as (page, asked):
        await page.set_viewport_size(PHONE)
        for name, written in _mails(language):
            await page.set_content(written)
            assert await page.evaluate(BEYOND, "none") == [], name
            assert await page.locator("img, link, script, iframe, [background]").count() == 0, name
            assert "url(" not in written, name
            direction = await page.locator("body > *").evaluate_all(
                "(elements) => elements.map((element) => element.dir || 'none')"
            )
            # The body's own: programs on the web leave out the page around it.
            assert direction == ["rtl" if language == "ar" else "ltr"], name
        assert asked == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("language", BUILT_IN_LOCALES)
async def test_a_mail_is_read_as_easily_in_the_dark(
    browser: Browser, language: str, scheme: str, tmp_path: Path
) -> None:
    wanted = {"agenda", *(f"{kind}-client" for kind in LOOKED_AT)}
    async with _reading(browser) as (page, _):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for name, written in _mails(language):
            if name not in wanted:
                continue
            await page.set_content(written)
            ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ground == SCHEMES[scheme]
            assert await axe_findings(page) == [], name
            for where, size in (("desk", DESK), ("phone", PHONE)):
                await page.set_viewport_size(size)
                await page.screenshot(path=tmp_path / f"{name}-{language}-{scheme}-{where}.png", full_page=True)

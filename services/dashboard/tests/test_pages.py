"""The pages: five languages, no script, and nothing that a client's text could break."""

import re

import pytest
from dashboard_tenant import OWNER, Tenant

from dashboard.adapters.localization import Texts, locale_from, texts_of
from dashboard.domain.users import LOCALES

_PLACEHOLDER = re.compile(r"\{\{\w+\}\}")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_the_same_texts_with_the_same_placeholders(locale: str) -> None:
    english, texts = texts_of("en"), texts_of(locale)

    assert texts.keys() == english.keys()
    for key, text in texts.items():
        assert text.strip(), key
        assert sorted(_PLACEHOLDER.findall(text)) == sorted(_PLACEHOLDER.findall(english[key])), key


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.2, ar-EG;q=0.9", "ar"),
        ("nl, fr;q=0.5", "fr"),
        ("de;q=0, es", "es"),
        ("*", "en"),
        ("", "en"),
        (None, "en"),
        ("de;q=nonsense," * 1_000, "en"),
    ],
)
def test_the_browsers_first_wish_that_there_is_decides(accepted: str | None, locale: str) -> None:
    assert locale_from(accepted) == locale


@pytest.mark.service
async def test_each_page_is_in_one_language_and_its_direction(tenant: Tenant) -> None:
    _, mail = await tenant.invited("ada@example.com")
    for path in ("/sign-in", "/reset", mail.link.partition("?")[0], "/reset/used", "/invitation/used"):
        for locale in LOCALES:
            answer = await tenant.browser().get(f"{path}?lang={locale}")
            assert f'<html lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}">' in answer.text
            assert answer.headers["content-language"] == locale
            assert "<script" not in without_own_script(answer.text)
            assert " style=" not in answer.text
            assert " on" not in re.sub(r">[^<]*<", "><", answer.text)
    asked = await tenant.browser(**{"Accept-Language": "ar"}).get("/sign-in")
    assert Texts("ar")("sign_in.title") in asked.text


@pytest.mark.service
async def test_every_field_has_a_label_and_what_password_managers_look_for(tenant: Tenant) -> None:
    text = (await tenant.browser().get("/sign-in")).text

    for name, hint in (("email", "username"), ("password", "current-password")):
        assert f'<label for="{name}">' in text
        assert re.search(rf'<input id="{name}"[^>]*autocomplete="{hint}"', text)


@pytest.mark.service
async def test_what_was_typed_comes_back_as_text(tenant: Tenant) -> None:
    typed = '"><script>alert(1)</script>@example.com'
    answer = await tenant.browser().sign_in(typed, "x")

    assert "<script" not in without_own_script(answer.text)
    assert "&lt;script&gt;" in answer.text


@pytest.mark.service
async def test_a_name_that_is_markup_is_shown_and_mailed_as_text(tenant: Tenant) -> None:
    name = "<img src=x onerror=alert(1)>"
    _, browser = await tenant.member(name=name)

    assert "<img" not in (await browser.get("/")).text
    assert "&lt;img" in (await browser.get("/")).text


@pytest.mark.service
async def test_the_stylesheet_is_kept_for_ever_under_the_name_of_its_content(tenant: Tenant) -> None:
    shown = await tenant.browser().get("/sign-in")
    found = re.search(r'href="(/pages/[0-9a-f]{16}\.css)"', shown.text)
    assert found is not None
    styles = await tenant.browser().get(found[1])

    assert styles.headers["content-type"].startswith("text/css")
    assert "immutable" in styles.headers["cache-control"]
    assert "--accent: light-dark(#0b5c66, #63c9cf)" in styles.text
    assert not re.search(r"\b(margin|padding|border)-(left|right)\b|\b(left|right):", styles.text)


@pytest.mark.service
async def test_signing_in_keeps_the_language_and_the_address_after_a_refusal(tenant: Tenant) -> None:
    answer = await tenant.browser().sign_in(OWNER, "wrong", lang="fr", next="/calendar")

    assert '<html lang="fr"' in answer.text
    assert f'value="{OWNER}"' in answer.text
    assert 'name="next" value="/calendar"' in answer.text
    assert "wrong" not in answer.text


def without_own_script(html: str) -> str:
    """The page's text without the one script element that the sign-in page has, which is a file of ours."""
    return re.sub(r'<script type="module" src="/pages/[0-9a-f]{16}\.js"></script>', "", html)

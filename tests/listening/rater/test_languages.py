"""Raters' pages speak the rater's language, and nobody else's."""

import json
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import formats, translation

from listening.languages import NAMES, asked_for
from listening.parts import LANGUAGES
from listening.urls import urlpatterns

LEAST_OF_ALL = "There is no listening test under this address."


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("fr-CH,fr;q=0.9,en;q=0.8", "fr"),
        ("de", "de"),
        ("ga-IE,ga;q=0.9,es;q=0.5", "es"),
        ("JA-jp", "ja"),
        ("ar-EG;q=0.4,pt", "ar"),
        ("pt-BR,pt", "en"),
        ("", "en"),
        ("*", "en"),
        ("\x00;q=x," * 500, "en"),
        ("en;q=0,fr;q=0.1", "fr"),
    ],
)
def test_the_browsers_first_language_that_there_is_is_taken(accept, language):
    assert asked_for(accept) == language


@pytest.mark.parametrize(
    ("language", "side", "title"),
    [
        ("en", "ltr", "Listening test"),
        ("fr", "ltr", "Test d’écoute"),
        ("de", "ltr", "Hörtest"),
        ("es", "ltr", "Prueba de escucha"),
        ("ja", "ltr", "試聴テスト"),
        ("ar", "rtl", "اختبار استماع"),
    ],
)
def test_a_page_says_its_language_and_the_side_where_lines_begin(client, db, language, side, title):
    page = client.get("/t/nothing/", headers={"Accept-Language": language}).content.decode()
    assert f'<html lang="{language}" dir="{side}">' in page
    assert f"<title>{title}</title>" in page
    assert (LEAST_OF_ALL in page) is (language == "en")


def test_a_session_keeps_its_language_whatever_browser_opens_it(arrive):
    walker = arrive(**{"Accept-Language": "ar"})
    walker.leave()
    other = walker.client.get(walker.url, headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="ar" dir="rtl">' in other


def test_the_server_refuses_in_the_sessions_language(arrive, close):
    walker = arrive(**{"Accept-Language": "de"}).to_training()
    close()
    assert walker.save(1).json()["error"] == "Diese Studie ist beendet. Sie nimmt keine Bewertungen mehr an."


RATERS_ADDRESSES = [each for each in urlpatterns if str(each.pattern).startswith(("r/", "t/"))]


@pytest.mark.parametrize("pattern", RATERS_ADDRESSES, ids=lambda pattern: pattern.name)
def test_no_address_of_raters_leaves_its_language_in_the_thread(arrive, opened, pattern):
    """The researcher's page is asked for on the same thread, and formats numbers as before."""
    owner = Client()
    owner.force_login(opened.owner)

    def researchers_page() -> str:
        page = owner.get(reverse("study_settings", args=[opened.slug])).content.decode()
        return re.sub(r'(csrfmiddlewaretoken" value=")[^"]+', r"\1", page)

    before = researchers_page()
    assert '<html lang="en">' in before
    arabic = {"Accept-Language": "ar"}
    walker = arrive(**arabic).to_training()
    known = {"slug": opened.slug, "token": walker.token, "audio_token": walker.setup["reference"]["url"].split("/")[-1]}
    address = reverse(pattern.name, kwargs={name: known[name] for name in pattern.pattern.converters})
    unknown = reverse(pattern.name, kwargs=dict.fromkeys(pattern.pattern.converters, "nobody"))
    for client, url in ((Client(headers=arabic), unknown), (walker.client, address)):
        for ask in (client.get, client.post):
            ask(url, headers=arabic)
            assert translation.get_language() == "en"
            assert formats.number_format(0.5) == "0.5"
            assert researchers_page() == before


def test_a_request_begins_in_english_whatever_its_thread_was_left_in(client, db):
    with translation.override("ar"):
        assert '<html lang="en">' in client.get("/login/").content.decode()


def test_only_the_language_of_a_request_is_ever_activated():
    """Tasks and commands have no request that ends: they use `translation.override`, which leaves nothing behind."""
    root = Path(__file__).parents[3]
    found = [path.name for name in ("listening", "evalapp") for path in (root / name).rglob("*.py")]
    activating = [
        path.name
        for name in ("listening", "evalapp")
        for path in (root / name).rglob("*.py")
        if re.search(r"(?<!de)activate\(", path.read_text())
    ]
    assert len(found) > 100
    assert activating == ["translating.py"]


def test_scripts_get_their_words_with_the_page(arrive):
    for language, word in (("en", None), ("fr", "Assez bon"), ("ja", "普通")):
        page = arrive(**{"Accept-Language": language}).text
        found = re.search(r'<script id="catalogue" type="application/json">(.*?)</script>', page, re.S)
        assert json.loads(found[1]).get("Fair") == word


def test_a_protocol_can_name_the_languages_that_there_are():
    assert set(LANGUAGES) == set(NAMES)

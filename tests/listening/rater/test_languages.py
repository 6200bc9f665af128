"""Raters' pages speak the rater's language, and nobody else's."""

import json
import re

import pytest
from django.utils import translation

from listening.languages import NAMES, asked_for
from listening.parts import LANGUAGES

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


def test_researchers_pages_stay_english_after_raters_were_served(client, arrive):
    arrive(**{"Accept-Language": "ar"})
    assert translation.get_language() == "en"
    page = client.get("/login/", headers={"Accept-Language": "ar"}, cookies={"django_language": "ar"}).content.decode()
    assert '<html lang="en">' in page


def test_scripts_get_their_words_with_the_page(arrive):
    for language, word in (("en", None), ("fr", "Assez bon"), ("ja", "普通")):
        page = arrive(**{"Accept-Language": language}).text
        found = re.search(r'<script id="catalogue" type="application/json">(.*?)</script>', page, re.S)
        assert json.loads(found[1]).get("Fair") == word


def test_a_protocol_can_name_the_languages_that_there_are():
    assert set(LANGUAGES) == set(NAMES)

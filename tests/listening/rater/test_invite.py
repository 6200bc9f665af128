"""The invite link: the page behind it, who gets a session by its button, and who goes on with one."""

import pytest
from django.test import Client

from listening import studies
from listening.models import Rater, Session
from tests.listening.rater.conftest import Walker

AGREE = {"from": "consent"}


def test_the_page_behind_the_link_creates_nothing_and_its_button_makes_a_rater_who_has_agreed(client, opened):
    for _ in range(3):
        assert 'data-testid="begin"' in client.get(opened.invite_path).content.decode()
    assert (Rater.objects.count(), client.cookies) == (0, {})
    walker = Walker(opened)
    walker.leave()
    assert walker.url == f"/r/{Rater.objects.get().token}/"
    session = walker.session
    assert (session.study, session.state) == (opened, Session.State.INSTRUCTIONS)
    assert session.consent_text
    assert session.consented_at
    assert "How it works" in walker.text


def test_a_page_that_is_sent_twice_makes_one_rater(opened):
    walker = Walker(opened)
    action, hidden = walker.form
    walker.leave()
    assert Client().post(action, hidden).url == walker.url
    assert Rater.objects.count() == 1


@pytest.mark.parametrize("ticket", ["", "x", "a:b", "x" * 3000])
def test_a_forged_ticket_names_no_token(client, opened, ticket):
    answer = client.post(opened.invite_path, {**AGREE, "ticket": ticket})
    assert answer.status_code == 302
    assert answer.url != f"/r/{ticket}/"
    assert Rater.objects.count() == 1


def test_raters_need_no_cookie(opened):
    """Every form of theirs works in a browser that keeps none, with Django's check of forged posts switched on."""
    walker = Walker(opened)
    walker.leave()
    while walker.session.state not in Session.ENDS:
        walker.client.cookies.clear()
        if 'id="setup"' in walker.text:
            walker.rate_all()
        assert walker.leave().status_code == 302, walker.text
    for path, data in (("language/", {"language": "de"}), ("withdraw/", {})):
        walker.client.cookies.clear()
        assert walker.client.post(f"{walker.url}{path}", data).status_code in (200, 302)
    assert not Session.objects.exists()


def test_the_language_is_chosen_on_the_page_behind_the_link_and_kept(opened):
    walker = Walker(opened, "?PROLIFIC_PID=a%26b", **{"Accept-Language": "en"})
    _, hidden = walker.form
    chosen = hidden | {"from": "", "language": "de"}
    walker.page = walker.client.post(f"{opened.invite_path}?PROLIFIC_PID=a%26b", chosen)
    assert '<html lang="de"' in walker.text
    assert not Rater.objects.exists()
    walker.leave()
    assert walker.session.language == "de"
    assert walker.session.rater.outside_ids == {"PROLIFIC_PID": "a&b"}
    assert '<html lang="de"' in walker.text


def test_what_the_link_says_of_the_rater_is_told_before_they_agree(opened):
    assert "PROLIFIC_PID (5f1)" in Walker(opened, "?PROLIFIC_PID=5f1").text


def test_a_second_visit_in_the_same_browser_goes_on_where_one_was(client, opened):
    first = client.post(opened.invite_path, AGREE)
    assert client.get(opened.invite_path).url == first.url
    assert client.post(opened.invite_path, AGREE).url == first.url
    assert Rater.objects.count() == 1


def test_another_person_at_the_same_browser_starts_anew_and_is_remembered_then(client, opened):
    first = client.post(opened.invite_path, AGREE).url
    assert client.get(opened.invite_path + "?new=1").status_code == 200
    second = client.post(opened.invite_path + "?new=1", AGREE).url
    assert second != first
    assert client.get(opened.invite_path).url == second
    assert client.get(first).status_code == 200


def test_every_page_before_the_end_offers_to_start_as_another_person(arrive, opened):
    walker = arrive()
    another = f'href="/t/{opened.slug}/?new=1"'
    assert another not in walker.text  # nobody has started
    for _ in range(2):
        walker.leave()
        assert another in walker.text


def test_the_cookie_is_for_this_study_only_and_no_script_reads_it(client, opened):
    client.post(opened.invite_path, AGREE)
    cookie = client.cookies[f"rater-{opened.slug}"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (opened.invite_path, True, "Lax")


def test_a_cookie_of_another_study_is_not_taken(client, opened, researcher):
    other = Rater.objects.create()
    Session.objects.create(study=studies.create_study(researcher, "Other"), rater=other)
    client.cookies[f"rater-{opened.slug}"] = other.token
    assert client.get(opened.invite_path).status_code == 200
    assert client.post(opened.invite_path, AGREE).url != f"/r/{other.token}/"


@pytest.mark.parametrize("value", ["", "x" * 300, "\\000", "../..", "a b"])
def test_a_forged_cookie_makes_a_new_rater(client, opened, value):
    client.cookies[f"rater-{opened.slug}"] = value
    assert client.post(opened.invite_path, AGREE).status_code == 302
    assert Rater.objects.count() == 1


def test_ids_in_the_address_are_kept_with_the_rater(arrive):
    walker = arrive("?PROLIFIC_PID=5f1&STUDY_ID=a%20b&new=1&SESSION_ID=%C3%A4%26%2B%25")
    walker.leave()
    assert walker.session.rater.outside_ids == {"PROLIFIC_PID": "5f1", "STUDY_ID": "a b", "SESSION_ID": "ä&+%"}


def test_ids_are_bounded_in_number_and_size_and_hold_nothing_a_database_refuses(arrive):
    walker = arrive(f"?{'k' * 61}=v&long={'v' * 201}&a=x%00&b=%0a&=no&c=&d={'v' * 200}")
    walker.leave()
    assert walker.session.rater.outside_ids == {"d": "v" * 200}
    many = arrive("?" + "&".join(f"k{i}=v" for i in range(40)))
    many.leave()
    assert len(many.session.rater.outside_ids) == 10


def test_other_ids_in_the_same_browser_are_another_person(client, opened):
    one = client.post(opened.invite_path + "?PROLIFIC_PID=one", AGREE).url
    assert client.get(opened.invite_path + "?PROLIFIC_PID=one").url == one
    assert client.post(opened.invite_path + "?PROLIFIC_PID=two", AGREE).url != one


def test_language_and_browser_are_noted(arrive):
    walker = arrive(**{"Accept-Language": "ga-IE,ga;q=0.9,en;q=0.5", "User-Agent": "U" * 900})
    walker.leave()
    assert (walker.session.rater.locale, walker.session.browser) == ("ga-IE", "U" * 300)


def test_head_makes_no_rater(client, opened):
    assert client.head(opened.invite_path).status_code == 200
    assert Rater.objects.count() == 0


def test_a_personal_link_that_is_only_looked_at_makes_no_trials(personal):
    walker = personal()
    assert 'data-testid="begin"' in walker.text
    assert walker.session.trials.count() == 0
    walker.leave()
    assert walker.session.trials.exists()


@pytest.mark.parametrize("state", ["draft", "ready"])
def test_a_study_that_is_not_open_yet_says_so(client, request, state):
    study = request.getfixturevalue(state)
    for answer in (client.get(study.invite_path), client.post(study.invite_path, AGREE)):
        assert answer.status_code == 403
        assert "not open yet" in answer.content.decode()
    assert Rater.objects.count() == 0


def test_a_closed_study_says_that_it_has_ended(client, opened, close):
    close()
    for answer in (client.get(opened.invite_path), client.post(opened.invite_path, AGREE)):
        assert answer.status_code == 410
        assert "has ended" in answer.content.decode()
    assert Rater.objects.count() == 0


def test_an_unknown_study_is_answered_in_words(client, db):
    for answer in (client.get("/t/no-such-study/"), client.post("/t/no-such-study/", AGREE)):
        assert answer.status_code == 404
        assert "no listening test under this address" in answer.content.decode()


def test_no_page_of_a_rater_is_kept_by_browsers_or_proxies(arrive, opened):
    walker = arrive()
    assert "no-store" in walker.page["Cache-Control"]
    walker.leave()
    for url in (walker.url, opened.invite_path):
        assert "no-store" in walker.client.get(url)["Cache-Control"]

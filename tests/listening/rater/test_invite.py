"""The invite link: who gets a session, and who goes on with one."""

import pytest

from listening import studies
from listening.models import Rater, Session


def test_the_link_makes_a_rater_and_leads_to_their_own_page(client, opened):
    answer = client.get(f"/t/{opened.slug}/")
    rater = Rater.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/r/{rater.token}/")
    assert (rater.session.study, rater.session.state) == (opened, Session.State.CONSENT)


def test_a_second_visit_in_the_same_browser_goes_on_where_one_was(client, opened):
    first = client.get(opened.invite_path)
    assert client.get(opened.invite_path).url == first.url
    assert Rater.objects.count() == 1


def test_another_person_at_the_same_browser_starts_anew_and_is_remembered_then(client, opened):
    first = client.get(opened.invite_path).url
    second = client.get(opened.invite_path + "?new=1").url
    assert second != first
    assert client.get(opened.invite_path).url == second
    assert client.get(first).status_code == 200


def test_every_page_before_the_end_offers_to_start_as_another_person(walker):
    another = f'href="/t/{walker.session.study.slug}/?new=1"'
    assert another in walker.text
    walker.leave()
    assert another in walker.text
    walker.leave()
    assert another in walker.text


def test_the_cookie_is_for_this_study_only_and_no_script_reads_it(client, opened):
    client.get(opened.invite_path)
    cookie = client.cookies[f"rater-{opened.slug}"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (opened.invite_path, True, "Lax")


def test_a_cookie_of_another_study_is_not_taken(client, opened, researcher):
    other = Rater.objects.create()
    Session.objects.create(study=studies.create_study(researcher, "Other"), rater=other)
    client.cookies[f"rater-{opened.slug}"] = other.token
    assert client.get(opened.invite_path).url != f"/r/{other.token}/"


@pytest.mark.parametrize("value", ["", "x" * 300, "\\000", "../..", "a b"])
def test_a_forged_cookie_makes_a_new_rater(client, opened, value):
    client.cookies[f"rater-{opened.slug}"] = value
    assert client.get(opened.invite_path).status_code == 302
    assert Rater.objects.count() == 1


def test_ids_in_the_address_are_kept_with_the_rater(arrive):
    walker = arrive("?PROLIFIC_PID=5f1&STUDY_ID=a%20b&new=1&SESSION_ID=%C3%A4%26%2B%25")
    assert walker.session.rater.outside_ids == {"PROLIFIC_PID": "5f1", "STUDY_ID": "a b", "SESSION_ID": "ä&+%"}


def test_ids_are_bounded_in_number_and_size_and_hold_nothing_a_database_refuses(arrive):
    walker = arrive("?" + "&".join(f"{'k' * 50}{i}={'v' * 900}%00" for i in range(1)) + "&a=%00x%0a&=no&b=")
    assert walker.session.rater.outside_ids == {"k" * 40: "v" * 200, "a": "x", "b": ""}
    many = arrive("?" + "&".join(f"k{i}=v" for i in range(40)))
    assert len(many.session.rater.outside_ids) == 10


def test_other_ids_in_the_same_browser_are_another_person(client, opened):
    one = client.get(opened.invite_path + "?PROLIFIC_PID=one").url
    assert client.get(opened.invite_path + "?PROLIFIC_PID=one").url == one
    assert client.get(opened.invite_path + "?PROLIFIC_PID=two").url != one


def test_language_and_browser_are_noted(arrive):
    session = arrive(**{"Accept-Language": "ga-IE,ga;q=0.9,en;q=0.5", "User-Agent": "U" * 900}).session
    assert (session.rater.locale, session.browser) == ("ga-IE", "U" * 300)


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}])
def test_a_browser_that_looks_ahead_makes_no_rater(client, opened, headers):
    assert client.get(opened.invite_path, headers=headers).status_code == 204
    assert Rater.objects.count() == 0


def test_head_makes_no_rater_and_post_is_refused(client, opened):
    assert client.head(opened.invite_path).status_code == 204
    assert client.post(opened.invite_path).status_code == 405
    assert Rater.objects.count() == 0


def test_a_link_that_is_only_looked_at_makes_no_trials(walker):
    assert walker.session.trials.count() == 0


@pytest.mark.parametrize("state", ["draft", "ready"])
def test_a_study_that_is_not_open_yet_says_so(client, request, state):
    study = request.getfixturevalue(state)
    answer = client.get(study.invite_path)
    assert answer.status_code == 403
    assert "not open yet" in answer.content.decode()
    assert Rater.objects.count() == 0


def test_a_closed_study_says_that_it_has_ended(client, opened, close):
    close()
    answer = client.get(opened.invite_path)
    assert answer.status_code == 410
    assert "has ended" in answer.content.decode()
    assert Rater.objects.count() == 0


def test_an_unknown_study_is_answered_in_words(client, db):
    answer = client.get("/t/no-such-study/")
    assert answer.status_code == 404
    assert "no listening test under this address" in answer.content.decode()


def test_no_page_of_a_rater_is_kept_by_browsers_or_proxies(walker):
    for url in (walker.url, walker.session.study.invite_path):
        assert "no-store" in walker.client.get(url)["Cache-Control"]

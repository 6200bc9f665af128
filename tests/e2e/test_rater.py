"""A rater's whole way in a real browser, from the link to the code."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from listening import sessions
from listening.endings import RIGHT_AFTER
from listening.models import Rating, Session
from listening.protocol import read
from tests.robot import Robot

pytestmark = pytest.mark.e2e


def score(page, slot):
    return (37 * page + 23 * slot) % 101


@pytest.mark.slow
def test_from_the_link_to_the_code_with_a_reload_in_the_middle(page, live_server, opened):
    robot = Robot(page, score, reload_on=1)
    code = robot.go(live_server.url + opened.invite_path)
    session = Session.objects.get()
    assert (session.state, session.completion_code) == (Session.State.FINISHED, code)
    counted = Rating.objects.filter(trial__session=session, trial__training=False)
    assert {(each.trial.position, each.slot): each.score for each in counted} == robot.given
    assert len(robot.given) == opened.clips.count() * opened.conditions.count()
    assert all(each.seconds_heard >= 1 and each.plays >= 1 and each.rated_at for each in counted)
    assert "Chrome" in session.browser


def test_a_reload_brings_back_scores_and_what_was_heard(desk):
    desk.hear(2)
    desk.score(2, 64)
    desk.page.reload()
    desk.ready()
    expect(desk.slider(2)).to_have_value("64")
    expect(desk.slider(2)).to_have_attribute("aria-valuetext", "64, Good")
    expect(desk.slider(1)).to_have_attribute("aria-valuetext", "not rated")
    expect(desk.page.locator("#missing")).to_have_text("Still to hear: 1, 3, 4. Still to rate: 1, 3, 4.")
    stored = Rating.objects.get(trial=sessions.current_trial(Session.objects.get()), slot=2)
    assert (stored.score, stored.plays) == (64, 1)
    assert 0.2 <= stored.seconds_heard < 30


def test_the_link_on_another_device_goes_on_there(desk, browser):
    desk.score(1, 11)
    desk.saving("Saved")
    phone = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    other = type(desk)(phone.new_page())
    other.page.goto(desk.page.url)
    other.ready()
    expect(other.slider(1)).to_have_value("11")
    other.score(1, 22)
    other.saving("Saved")
    assert stored(1) == 22
    desk.score(1, 33)  # made now, so it is the one that stays, though this device knew less
    desk.saving("Saved")
    assert stored(1) == 33
    phone.close()


@pytest.mark.slow
def test_a_score_set_in_one_tab_shows_in_the_other(desk, context):
    other = type(desk)(context.new_page())
    other.page.goto(desk.page.url)
    other.ready()
    desk.score(3, 58)
    expect(other.slider(3)).to_have_value("58")
    other.score(3, 59)
    other.saving("Saved")
    expect(desk.slider(3)).to_have_value("59")
    assert stored(3) == 59


def test_next_opens_when_everything_was_heard_and_rated_and_says_what_is_missing(desk):
    missing, onward = desk.page.locator("#missing"), desk.page.get_by_test_id("next")
    expect(missing).to_have_text("Still to hear: 1–4. Still to rate: 1–4.")
    for slot in (1, 2, 4):
        desk.score(slot, 50 + slot)
    expect(missing).to_have_text("Still to hear: 1–4. Still to rate: 3.")
    desk.hear_all()
    expect(missing).to_have_text("Still to rate: 3.")
    expect(onward).to_be_disabled()
    desk.score(3, 0)
    expect(missing).to_have_text("You have heard and rated every sound.")
    expect(onward).to_be_enabled()
    desk.next()
    expect(desk.page.locator("h1")).to_have_text("Page 1 of 2")


def test_a_study_that_closes_meanwhile_says_so(desk, opened):
    from listening import studies

    studies.close_study(opened, opened.owner)
    desk.score(1, 50)
    expect(desk.page.locator("#notice")).to_contain_text("This study has ended")
    desk.page.get_by_role("button", name="Reload the page").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("This test has ended")
    expect(desk.page.get_by_test_id("completion-code")).to_be_visible()


@pytest.mark.slow
def test_another_person_at_the_same_browser_gets_a_session_of_their_own(desk):
    desk.score(1, 50)
    desk.saving("Saved")
    desk.page.keyboard.press("?")
    desk.page.get_by_role("link", name="Start as another person").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("A listening test")
    assert Session.objects.count() == 1
    desk.page.get_by_test_id("begin").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("How it works")
    assert Session.objects.count() == 2
    assert stored(1) == 50


def stored(slot):
    """Score of a slot of the training of the first session."""
    return Rating.objects.get(trial=Session.objects.first().trials.first(), slot=slot).score


PANEL = "https://panel.example/done"


@pytest.fixture
def finished(opened) -> Session:
    """A session of a panel's rater that has just ended."""
    opened.protocol = read({"ends": {"completed": {"code": "DONE", "url": PANEL}}})
    opened.save()
    session = sessions.start(opened, outside_ids={}, locale="en", browser="")
    Session.objects.filter(pk=session.pk).update(
        state=Session.State.FINISHED, finished_at=timezone.now(), completion_code="DONE"
    )
    session.refresh_from_db()
    return session


def test_a_rater_of_a_panel_goes_back_to_it(page, live_server, finished):
    page.route(f"{PANEL}**", lambda route: route.fulfill(body="Thanks"))
    page.clock.install()
    page.goto(live_server.url + finished.rater.get_absolute_url())
    expect(page.locator("#going-back")).to_have_text("You go back in 10 seconds.")
    with page.expect_navigation(url=PANEL):
        page.clock.run_for(10_000)


def test_a_rater_of_a_panel_can_stay(page, live_server, finished):
    page.clock.install()
    page.goto(live_server.url + finished.rater.get_absolute_url())
    page.get_by_role("button", name="Stay on this page").click()
    page.clock.run_for(20_000)
    expect(page.get_by_role("link", name="Go back to where you came from")).to_be_focused()


def test_a_rater_who_looks_again_later_is_not_taken_away(page, live_server, finished):
    Session.objects.filter(pk=finished.pk).update(finished_at=timezone.now() - RIGHT_AFTER)
    page.goto(live_server.url + finished.rater.get_absolute_url())
    expect(page.get_by_role("link", name="Go back to where you came from")).to_be_visible()
    assert page.locator("#stay").count() == 0


def test_the_silent_switch_of_a_phone_does_not_mute_the_test(desk, context):
    context.add_init_script("Object.defineProperty(navigator, 'audioSession', { value: { type: 'auto' } })")
    desk.page.reload()
    desk.ready().listen(1)
    assert desk.page.evaluate("navigator.audioSession.type") == "playback"

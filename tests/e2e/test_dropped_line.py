"""A rater who lost the connection loses no rating."""

import pytest
from playwright.sync_api import expect

from listening.models import Rating, Session
from tests.stack import wait_for

pytestmark = pytest.mark.e2e

OFFLINE = "No connection. Kept on this device."


def stored():
    """Scores of the page where the only rater is."""
    return list(Rating.objects.filter(trial=Session.objects.get().trials.first()).values_list("score", flat=True))


def test_what_was_rated_without_a_line_is_saved_when_it_is_back(desk, context):
    desk.score(1, 10)
    desk.saving("Saved")
    context.set_offline(True)
    desk.score(1, 15)
    desk.score(2, 20)
    desk.score(3, 30)
    desk.score(3, 35)
    desk.saving(OFFLINE)
    assert stored() == [10, None, None, None]
    context.set_offline(False)
    desk.saving("Saved")
    assert stored() == [15, 20, 35, None]


def test_what_was_rated_without_a_line_outlives_the_tab(desk, context):
    url = desk.page.url
    context.set_offline(True)
    desk.score(2, 42)
    desk.saving(OFFLINE)
    # What a browser sends on the way out may wait for the line in it: here nothing is left but what the device kept.
    desk.page.evaluate("void (window.fetch = () => Promise.reject(new TypeError('no line')))")
    desk.page.close()
    context.set_offline(False)
    assert stored() == [None] * 4
    again = type(desk)(context.new_page())
    again.page.goto(url)
    again.ready()
    expect(again.slider(2)).to_have_value("42")
    again.saving("Saved")
    assert stored() == [None, 42, None, None]


def test_a_tab_left_right_after_a_move_sends_it_on_the_way_out(desk):
    desk.slider(1).evaluate("(slider) => { slider.value = 77; slider.dispatchEvent(new Event('input')); }")
    desk.page.goto("about:blank")
    wait_for(lambda: stored()[0] == 77, 10, "the write of a page that was left")


@pytest.mark.slow
def test_an_old_rating_kept_on_a_device_does_not_undo_a_later_one(desk, context, browser):
    """The phone goes off line with 10 and comes back when the laptop has said 90 many writes later."""
    phone = browser.new_context()
    other = type(desk)(phone.new_page())
    other.page.goto(desk.page.url)
    other.ready()
    phone.set_offline(True)
    other.score(1, 10)
    other.saving(OFFLINE)
    for score in (60, 70, 80, 90):
        desk.score(1, score)
        desk.saving("Saved")
    phone.set_offline(False)
    other.saving("Saved")
    expect(other.slider(1)).to_have_value("90")
    assert stored()[0] == 90
    phone.close()


def test_a_server_that_fails_for_a_while_is_asked_again(desk):
    answers = []

    def fail_twice(route):
        answers.append(route.request.post_data)
        if len(answers) < 3:
            route.fulfill(status=502, body="Bad gateway")
        else:
            route.continue_()

    desk.page.route("**/ratings/", fail_twice)
    desk.score(4, 88)
    desk.saving(OFFLINE)
    desk.saving("Saved")
    assert stored()[3] == 88
    assert len(set(answers)) == 1


@pytest.mark.slow
def test_another_servers_words_count_as_no_line(desk):
    """A hotel asks for its password, a proxy finds nothing: what they answer says nothing of the rating."""
    answers = [(200, "<h1>Welcome to our hotel</h1>"), (404, "<h1>nginx</h1>")]

    def answer(route):
        if not answers:
            return route.continue_()
        status, body = answers.pop(0)
        return route.fulfill(status=status, body=body)

    desk.page.route("**/ratings/", answer)
    desk.score(2, 44)
    desk.saving(OFFLINE)
    assert stored()[1] is None
    desk.saving("Saved")
    assert (answers, stored()[1]) == ([], 44)


@pytest.mark.slow
def test_next_takes_along_what_another_tab_could_not_send(desk, context):
    desk.hear_all()
    for slot in range(1, 5):
        desk.score(slot, 10 * slot)
    desk.saving("Saved")
    other = type(desk)(context.new_page())
    other.page.goto(desk.page.url)
    other.ready()
    desk.page.route("**/ratings/", lambda route: route.abort())
    desk.score(1, 77)
    desk.saving(OFFLINE)
    expect(other.slider(1)).to_have_value("77")
    other.next()
    expect(other.page.locator("h1")).to_have_text("Page 1 of 2")
    assert stored() == [77, 20, 30, 40]


def test_a_late_write_of_a_tab_that_did_not_hear_of_another_takes_nothing_back(desk, context):
    """A busy tab sends what it had before it learns that the other tab went on."""
    deaf = type(desk)(context.new_page())
    deaf.page.add_init_script("addEventListener('storage', (event) => event.stopImmediatePropagation(), true)")
    deaf.page.goto(desk.page.url)
    deaf.ready()
    held = []
    deaf.page.route("**/ratings/", lambda route: route.continue_() if held else held.append(route))
    deaf.score(1, 89)
    wait_for(lambda: deaf.page.evaluate("1") and held, 10, "a write on its way")
    desk.score(1, 78)
    desk.saving("Saved")
    held[0].continue_()
    deaf.saving("Saved")
    expect(deaf.slider(1)).to_have_value("78")
    expect(desk.slider(1)).to_have_value("78")
    assert stored()[0] == 78


def test_a_lost_answer_stores_the_rating_once(desk):
    """The write arrives, its answer does not: the same write is sent again."""
    lost = []

    def lose_first(route):
        answer = route.fetch()
        if lost:
            route.fulfill(response=answer)
        else:
            lost.append(answer.status)
            route.abort()

    desk.page.route("**/ratings/", lose_first)
    desk.score(1, 66)
    desk.saving(OFFLINE)
    assert stored()[0] == 66
    rated = Rating.objects.exclude(score=None).get()
    desk.saving("Saved")
    assert lost == [200]
    again = Rating.objects.exclude(score=None).get()
    assert (again.revision, again.rated_at) == (rated.revision, rated.rated_at)


def test_next_waits_for_what_is_not_saved_yet(desk, context):
    desk.hear_all()
    for slot in range(1, 5):
        desk.score(slot, 10 * slot)
    desk.saving("Saved")
    context.set_offline(True)
    desk.score(4, 99)
    desk.page.get_by_test_id("next").click()
    expect(desk.page.locator("#missing")).to_have_text("Saving…")
    expect(desk.page.locator("#notice")).to_contain_text("goes on automatically once there is a connection")
    expect(desk.page.get_by_test_id("next")).to_be_disabled()
    expect(desk.page.locator("h1")).to_contain_text("Training")
    with desk.page.expect_navigation():
        context.set_offline(False)
    expect(desk.page.locator("h1")).to_have_text("Page 1 of 2")
    assert stored() == [10, 20, 30, 99]


def test_next_without_a_line_says_that_the_page_goes_on_and_does_so(desk, context):
    desk.hear_all()
    for slot in range(1, 5):
        desk.score(slot, 10 * slot)
    desk.saving("Saved")
    context.set_offline(True)
    desk.page.get_by_test_id("next").click()
    expect(desk.page.locator("#notice")).to_contain_text("goes on automatically once there is a connection")
    expect(desk.page.get_by_test_id("next")).to_be_disabled()
    with desk.page.expect_navigation():
        context.set_offline(False)
    expect(desk.page.locator("h1")).to_have_text("Page 1 of 2")

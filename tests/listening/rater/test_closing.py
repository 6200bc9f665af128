"""A study closes while raters are at work: they end with a code or an address, or finish where the study lets them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from listening import export, reporting
from listening.models import Session
from listening.models.rating import TIME_TO_FINISH

State = Session.State
ENDS = {"ends": {"closed": {"code": "HALF", "url": "https://panel.example/?cc={code}&p={PROLIFIC_PID}"}}}


def test_a_rater_in_mid_trial_ends_with_the_code_and_the_address_of_a_closed_study(wants, arrive, close):
    wants(**ENDS)
    walker = arrive("?PROLIFIC_PID=p1").to_trials()
    walker.save(1, 33)
    close()
    assert (walker.session.state, walker.session.completion_code) == (State.CLOSED, "HALF")
    walker.open()
    assert walker.page.status_code == 200
    assert "This test has ended" in walker.text
    assert "HALF" in walker.text
    assert "https://panel.example/?cc=HALF&amp;p=p1" in walker.text
    assert "What you rated until then is saved." in walker.text
    row = next(export.session_rows(walker.session.study))
    assert dict(zip(export.SESSIONS, row, strict=True))["completion_code"] == "HALF"


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_nobody_who_has_started_is_left_without_a_code_or_an_address(walker, close, pages):
    """Of the study that sets neither, after the consent, at the training and at a trial."""
    for _ in range(min(pages, 2)):
        walker.leave()
    if pages == 3:
        walker.rate_all().leave()
    close()
    walker.open()
    code = walker.session.completion_code
    assert len(code) == 9
    assert code in walker.text


def test_an_address_alone_is_enough(wants, arrive, close):
    wants(ends={"closed": {"url": "https://panel.example/closed"}})
    walker = arrive().to_trials()
    close()
    walker.open()
    assert walker.session.completion_code == ""
    assert 'href="https://panel.example/closed"' in walker.text


def test_who_had_not_agreed_yet_reads_that_the_test_has_ended(walker, close):
    close()
    assert walker.open().status_code == 410
    assert walker.session.state == State.CONSENT
    assert "This test has ended" in walker.text


def test_a_consent_that_comes_while_the_study_closes_ends_with_a_code_too(walker, close):
    """As if the consent had been committed after closing had ended all others."""
    walker.to_training()
    close()
    Session.objects.filter(pk=walker.session.pk).update(state=State.TRAINING, finished_at=None, completion_code="")
    walker.open()
    assert walker.session.state == State.CLOSED
    assert walker.session.completion_code in walker.text


def test_finished_sessions_keep_their_end(walker, close):
    code = walker.to_end().session.completion_code
    close()
    assert (walker.session.state, walker.session.completion_code) == (State.FINISHED, code)


def test_where_the_study_lets_them_raters_who_have_started_finish_and_nobody_else_starts(wants, arrive, close, client):
    study = wants(finish_after_closing=True)
    walker, late = arrive().to_trials(), arrive("?new=1")
    close()
    study.refresh_from_db()
    before = reporting.kept_keys(study)
    assert client.get(study.invite_path).status_code == 410
    assert late.leave().status_code == 410
    assert walker.sound(walker.setup["reference"]["url"]).status_code == 200
    while walker.session.state == State.TRIALS:
        walker.rate_all().leave()
    walker.leave(comment="")
    assert walker.session.state == State.FINISHED
    assert walker.session.completion_code in walker.text
    assert not set(before) & set(reporting.kept_keys(study))  # the report is made anew


def test_a_day_after_closing_a_rater_who_did_not_finish_ends_with_a_code(wants, arrive, close):
    study = wants(finish_after_closing=True)
    walker = arrive().to_trials()
    close()
    study.refresh_from_db()
    study.closed_at = timezone.now() - TIME_TO_FINISH - timedelta(minutes=1)
    study.save()
    assert walker.save(1, 33).status_code == 410
    walker.open()
    assert walker.session.state == State.CLOSED
    assert walker.session.completion_code in walker.text

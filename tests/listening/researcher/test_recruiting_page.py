"""Panels, times, deleting raters, how long they stay known, and the page that watches them."""

import hashlib
import html
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import yaml
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from analysis.screening import DEFAULT_RULES
from listening import recruiting, studies
from listening.models import Answer, AuditLine, Panel, Rater, Rating, Recruiting, Registration, Session, Study
from listening.reporting import design_of, kept_keys
from listening.tasks import sweep


def form(**changes):
    """The page as its owner leaves it: one panel without a name, one new row."""
    found = {"time_zone": "Europe/Berlin", "raters_may_withdraw": "on"}
    found |= {"panel-TOTAL_FORMS": "2", "panel-INITIAL_FORMS": "1", "panel-0-known": "True", "panel-0-name": ""}
    return found | changes


def text(answer) -> str:
    return answer.content.decode()


def test_times_are_typed_in_the_studys_zone_and_kept_in_utc(page, draft):
    url = reverse("recruiting", args=[draft.slug])
    answer = page.post(
        url,
        form(
            opens_at="2099-01-15T09:00",
            closes_at="2099-07-15T09:00",
            notice_en="Until Monday",
            forget_after_days="30",
            **{"panel-1-name": "students", "panel-1-quota": "12", "panel-1-closes_at": "2099-06-30T18:00"},
        ),
    )
    assert answer.status_code == 302, text(answer)
    own = Recruiting.objects.get()
    assert own.opens_at == datetime(2099, 1, 15, 8, tzinfo=UTC)
    assert own.closes_at == datetime(2099, 7, 15, 7, tzinfo=UTC)
    assert (own.notices, own.forget_after_days, own.raters_may_withdraw) == ({"en": "Until Monday"}, 30, True)
    panel = Panel.objects.get(name="students")
    assert (panel.quota, panel.closes_at) == (12, datetime(2099, 6, 30, 16, tzinfo=UTC))
    shown = text(page.get(url))
    assert 'value="2099-01-15T09:00"' in shown
    assert f"{draft.invite_path}?panel=students" in shown
    lines = " ".join(AuditLine.objects.values_list("what", flat=True))
    assert "opens 2099-01-15 09:00 Europe/Berlin" in lines
    assert "panel students: quota 12, closes 2099-06-30 18:00 Europe/Berlin" in lines
    before = AuditLine.objects.count()
    again = {"panel-TOTAL_FORMS": "3", "panel-INITIAL_FORMS": "2", "panel-1-known": "True", "panel-1-name": "students"}
    again |= {"panel-1-quota": "12", "panel-1-closes_at": "2099-06-30T18:00"}
    same = {"opens_at": "2099-01-15T09:00", "closes_at": "2099-07-15T09:00", "notice_en": "Until Monday"}
    page.post(url, form(forget_after_days="30", **same, **again))
    assert AuditLine.objects.count() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"opens_at": "2099-02-01T09:00", "closes_at": "2099-01-01T09:00"}, "It closes before it opens."),
        ({"panel-1-name": "two words"}, "no name of a panel"),
        ({"panel-1-quota": "5"}, "Give the new panel a name."),
        ({"panel-0-quota": "0"}, "greater than or equal to 1"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_place_and_nothing_is_kept(page, draft, changes, said):
    answer = page.post(reverse("recruiting", args=[draft.slug]), form(notice_en="new", **changes))
    assert answer.status_code == 422
    assert said in text(answer)
    assert not Recruiting.objects.filter(notices__en="new").exists()


def two_panels(**changes):
    """The page with the panels "" and students, and a new row."""
    found = form(**{"panel-TOTAL_FORMS": "3", "panel-INITIAL_FORMS": "2"})
    return found | {"panel-1-known": "True", "panel-1-name": "students", "panel-1-quota": "20"} | changes


def test_a_panel_that_nobody_came_by_is_removed_with_the_rest_saved(page, draft):
    recruiting.change_panel(draft, draft.owner, "students", quota=20, opens_at=None, closes_at=None)
    url = reverse("recruiting", args=[draft.slug])
    assert "Remove" in text(page.get(url))
    changes = {"panel-1-remove": "on", "forget_after_days": "30"}
    answer = page.post(url, two_panels(**changes), follow=True)
    assert "Saved." in text(answer)
    assert "students" not in text(answer).partition("Log")[0]
    assert not draft.panels.exists()
    assert Recruiting.objects.get(study=draft).forget_after_days == 30
    assert AuditLine.objects.filter(study=draft, what="panel students: removed; quota 20").exists()


def test_a_panel_with_raters_stays(page, draft):
    recruiting.change_panel(draft, draft.owner, "students", quota=20, opens_at=None, closes_at=None)
    Session.objects.create(study=draft, rater=Rater.objects.create(), panel="students")
    url = reverse("recruiting", args=[draft.slug])
    assert 'name="panel-1-remove"' not in text(page.get(url))
    answer = page.post(url, two_panels(**{"panel-1-remove": "on"}))
    assert answer.status_code == 422
    assert "Raters came by the panel “students”" in text(answer)
    assert draft.panels.get().quota == 20


def test_a_rater_of_a_closed_study_is_deleted_and_the_report_made_anew(page, closed):
    study, gone = closed.study, closed.second.rater.code
    kept = kept_keys(study)
    cache.set_many(dict.fromkeys(kept, f"a report of {gone}"))
    ask = reverse("delete_rater", args=[study.slug, gone])
    assert ask in text(page.get(reverse("raters", args=[study.slug])))
    assert "Delete for good" in text(page.get(ask))
    page.post(ask)
    assert not Rater.objects.filter(code=gone).exists()
    assert Session.objects.count() == 3
    study = Study.objects.get()
    assert not cache.get_many([*kept, *kept_keys(study)])
    assert not set(kept) & set(kept_keys(study))  # nor what is being made at this moment
    assert "1 rater withdrew; their data were deleted." in design_of(study)["assessors"]
    assert gone not in " ".join(AuditLine.objects.values_list("what", flat=True))
    assert AuditLine.objects.filter(user=study.owner, what__contains="rater deleted on request").exists()
    assert page.get(ask).status_code == 404


def test_the_command_deletes_a_rater_and_says_who_is_not_there(draft):
    rater = Rater.objects.create()
    Session.objects.create(study=draft, rater=rater)
    call_command("delete_rater", draft.slug, rater.code, yes=True, stdout=StringIO())
    assert not Session.objects.exists()
    with pytest.raises(CommandError, match="has no rater"):
        call_command("delete_rater", draft.slug, rater.code)


def test_raters_are_forgotten_so_many_days_after_closing_and_not_before(page, rated):
    study = rated.study
    Answer.objects.create(
        session=rated.careful, questionnaire="q", occurrence=1, question="a", kind="text", value="I am Ann",
        answered_at=timezone.now(),
    )  # fmt: skip
    Session.objects.filter(pk=rated.careful.pk).update(identity="p1")
    studies.close_study(study, study.owner)
    Study.objects.update(closed_at=timezone.now() - timedelta(days=4000))
    sweep()
    assert Rater.objects.exclude(outside_ids={}).count() == 4  # nothing was said of forgetting
    Study.objects.update(closed_at=timezone.now())
    recruiting.change(study, study.owner, forget_after_days=30, forget_texts=True)
    sweep()
    assert Session.objects.filter(identity="p1").exists()
    assert "are deleted on" in text(page.get(reverse("raters", args=[study.slug])))
    Study.objects.update(closed_at=timezone.now() - timedelta(days=30))
    sweep()
    assert not Session.objects.exclude(identity=None).exists()
    assert not Rater.objects.exclude(outside_ids={}).exists()
    assert not Session.objects.exclude(comment="").exists()
    assert Answer.objects.get().value == ""
    assert Rating.objects.exclude(score=None).exists()
    sweep()
    assert AuditLine.objects.filter(who="evalapp", what__contains="30 days after closing").count() == 1
    assert "were deleted on" in text(page.get(reverse("raters", args=[study.slug])))


def test_what_was_fixed_is_a_file_with_the_same_bytes_ever_after(page, ready):
    url = reverse("registration", args=[ready.slug])
    draft = yaml.safe_load(page.get(url).content)
    studies.open_study(ready, ready.owner)
    file = page.get(url).content
    found = yaml.safe_load(file)
    assert draft == {**found, "fixed_at": None}
    clip = ready.clips.first()
    assert found["clips"][0]["sha256"] == clip.original_sha256
    rendering = clip.renderings.get(condition__spec="opus@12")
    assert found["stimuli"][clip.name]["opus@12"] == rendering.stimulus_sha256
    assert list(found["post_screening"]) == list(DEFAULT_RULES)
    assert found["claim"]["margin"] is None
    sha256 = hashlib.sha256(file).hexdigest()
    assert AuditLine.objects.filter(what__contains=sha256).exists()
    assert sha256 in text(page.get(ready.get_absolute_url()))
    studies.close_study(ready, ready.owner)
    assert page.get(url).content == file
    assert Registration.objects.get().made_at == Study.objects.get().opened_at


def test_a_draft_of_what_will_be_fixed_can_be_read_once_the_stimuli_are_there(page, ready):
    assert reverse("registration", args=[ready.slug]) in text(page.get(reverse("open_study", args=[ready.slug])))
    answer = page.get(reverse("registration", args=[ready.slug]))
    assert answer.content.startswith(b"# DRAFT")
    assert "preregistration-draft.yaml" in answer["Content-Disposition"]
    assert not Registration.objects.exists()


def test_before_there_is_nothing_to_register(page, draft):
    assert page.get(reverse("registration", args=[draft.slug])).status_code == 302


def test_the_page_of_the_raters_says_where_they_stopped_and_who_did_not_listen_but_no_score(page, rated, rate):
    study = rated.study
    flat = rate(study, hidden_reference=50, low_anchor=50, mid_anchor=50, system=50)
    flat.trials.update(started_at=timezone.now() - timedelta(seconds=3))
    Session.objects.filter(pk=rated.early.pk).update(seen_at=timezone.now() - timedelta(days=1))
    shown = text(page.get(reverse("raters", args=[study.slug])))
    assert "Stopped at" in shown
    assert "page 2" in shown
    row = shown[shown.index(flat.rater.code) :].split("</tr>")[0]
    assert "moves the sliders hardly at all" in row
    assert "rates very fast" in row
    careful = shown[shown.index(rated.careful.rater.code) :].split("</tr>")[0]
    assert "moves the sliders" not in careful


def test_what_the_study_can_find_stands_beside_its_design(page, draft):
    assert "How many raters" not in text(page.get(draft.get_absolute_url()))
    studies.set_conditions(draft, ["reference", "lowpass@7000", "lowpass@3500", "opus@12", "opus@6"])
    Study.objects.update(margin=5)
    draft.refresh_from_db()
    shown = text(page.get(draft.get_absolute_url()))
    assert "<strong>20 raters</strong> find a difference of" in shown
    assert "So few clips say nothing about others." in shown
    assert "On clips like these" not in shown


PROLIFIC_LINK = "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"


def test_each_panel_has_ids_of_its_own_and_every_copied_link_is_ready_for_it(page, ready, client):
    url = reverse("recruiting", args=[ready.slug])
    choices = {"panel-0-ids": "prolific", "panel-1-ids": "own", "panel-1-names": "seat, RID", "panel-1-required": "on"}
    assert page.post(url, two_panels(**choices)).status_code == 302
    assert page.post(url, two_panels(**choices, **{"panel-2-name": "lab", "panel-2-ids": "none"})).status_code == 302
    studies.open_study(ready, ready.owner)
    links = [
        f"{ready.invite_path}?{PROLIFIC_LINK}",
        f"{ready.invite_path}?panel=lab",
        f"{ready.invite_path}?RID=[%RID%]&panel=students",
    ]
    for name in ("recruiting", "raters", "study"):
        shown = html.unescape(text(page.get(reverse(name, args=[ready.slug]))))
        for link in links:
            assert f'value="http://testserver{link}"' in shown, (name, link)
        assert "Add for each rater: <code>seat=…</code>" in shown
    filled = links[0].replace("{{%", "").replace("%}}", "")
    for link in (filled, links[1], links[2].replace("[%RID%]", "1") + "&seat=2"):
        assert client.get(link).status_code == 200
    assert client.get(links[0]).status_code == client.get(links[2]).status_code == 400
    assert 'value="own" selected' in text(page.get(url))
    lines = " ".join(AuditLine.objects.values_list("what", flat=True))
    assert "panel students: quota 20, links that carry seat, RID" in lines
    assert "panel lab: no quota, links that carry no IDs" in lines


@pytest.mark.parametrize("names", ["a b/c", "", "new"])
def test_names_that_no_link_can_carry_are_refused_at_their_field(page, draft, names):
    answer = page.post(reverse("recruiting", args=[draft.slug]), form(**{"panel-0-ids": "own", "panel-0-names": names}))
    assert answer.status_code == 422
    assert "Names of letters, digits, dots, dashes and underscores" in text(answer)


def test_a_clone_has_the_ids_of_each_panel(page, ready):
    recruiting.change_panel(ready, None, "lab", quota=None, opens_at=None, closes_at=None, identity={"names": ["seat"]})
    page.post(reverse("clone_study", args=[ready.slug]))
    assert Panel.objects.exclude(study=ready).get(name="lab").identity == {"names": ["seat"]}

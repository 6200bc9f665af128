"""How often each clip was given out, on the page of the raters."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from listening import protocol, sessions
from listening.models import Session


@pytest.fixture
def shared(opened):
    """The open study, each rater with one of its two clips."""
    opened.protocol = protocol.read({"design": {"clips_per_rater": 1, "ratings_per_stimulus": 3}})
    opened.save()
    return opened


def take_part(study, panel: str = "") -> Session:
    session = sessions.start(study, outside_ids={}, locale="en", browser="", panel=panel)
    sessions.advance(session, "consent")
    return session


def table(page, study) -> list[list[str]]:
    """Rows of the first table of coverage."""
    text = page.get(reverse("raters", args=[study.slug])).content.decode()
    found = re.search(r'aria-labelledby="coverage-1".*?<tbody>(.*?)</tbody>', text, re.S)[1]
    return [re.findall(r'<th scope="row">(.*?)</th>|<span>(.*?)</span>', line) for line in found.split("</tr>")[:-1]]


def test_every_clip_has_its_ratings_finished_in_progress_given_up_and_wanted(page, shared):
    ones = [take_part(shared) for _ in range(4)]
    clips = {session.pk: session.place.clips[0] for session in ones}
    Session.objects.filter(pk=ones[0].pk).update(state=Session.State.FINISHED)
    Session.objects.filter(pk=ones[1].pk).update(seen_at=timezone.now() - timedelta(minutes=121))
    expected = []
    for clip in shared.clips.order_by("position"):
        mine = [i for i, session in enumerate(ones) if clips[session.pk] == clip.pk]
        counts = [sum(i == 0 for i in mine), sum(i > 1 for i in mine), sum(i == 1 for i in mine), 3]
        expected.append([clip.name, *map(str, counts)])
    found = [[one or other for one, other in cells] for cells in table(page, shared)]
    assert found == expected


def test_panels_have_a_table_each_and_sessions_say_theirs(page, shared):
    take_part(shared, "students")
    take_part(shared)
    text = page.get(reverse("raters", args=[shared.slug])).content.decode()
    assert "panel students" in text
    assert "without a panel" in text
    assert '<td data-label="Panel"><span>students</span></td>' in text


def test_a_study_that_gives_no_places_has_no_such_table(page, opened):
    take_part(opened)
    text = page.get(reverse("raters", args=[opened.slug])).content.decode()
    assert "coverage-1" not in text
    assert "Panel</th>" not in text

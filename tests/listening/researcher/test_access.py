"""Who may see what."""

import pytest
from django.urls import reverse

from listening.models import Rendering, Study

GET = ["study", "study_settings", "open_study", "close_study", "upload_clip", "conditions", "rendering", "progress"]
GET += ["raters", "results"]
POST = ["study_settings", "open_study", "close_study", "upload_clip", "conditions", "render_study"]
ONLY_POST = ["render_study", "edit_clip", "delete_clip", "retry"]


@pytest.fixture
def addresses(ready):
    clip = ready.clips.first()
    rendering = Rendering.objects.filter(clip=clip).first()
    found = {name: reverse(name, args=[ready.slug]) for name in [*GET, "render_study"]}
    found |= {name: reverse(name, args=[ready.slug, clip.pk]) for name in ("edit_clip", "delete_clip", "reference")}
    found |= {name: reverse(name, args=[ready.slug, rendering.pk]) for name in ("retry", "stimulus")}
    found["report_file"] = reverse("report_file", args=[ready.slug, "html"])
    return found | {"download": reverse("download", args=[ready.slug, "ratings"])}


def test_another_researcher_finds_no_such_study(stranger, addresses, ready):
    for name in [*GET, "reference", "stimulus", "download", "report_file"]:
        assert stranger.get(addresses[name]).status_code == 404, name
    for name in [*POST, "edit_clip", "delete_clip", "retry"]:
        assert stranger.post(addresses[name]).status_code == 404, name
    assert Study.objects.get().state == Study.State.READY
    assert ready.slug not in stranger.get(reverse("studies")).content.decode()


def test_staff_see_every_study(staff, addresses, ready):
    for name in GET:
        assert staff.get(addresses[name]).status_code == 200, name
    assert ready.slug in staff.get(reverse("studies")).content.decode()


def test_without_login_there_is_only_the_login_page(client, addresses):
    for name in [*GET, "reference", "stimulus", "download", "report_file"]:
        response = client.get(addresses[name])
        assert response.url.startswith(reverse("login")), name
    for name in [*POST, "edit_clip", "delete_clip", "retry"]:
        assert client.post(addresses[name]).url.startswith(reverse("login")), name
    assert Study.objects.get().state == Study.State.READY


def test_a_script_without_login_gets_a_text_to_show(client, addresses):
    response = client.get(addresses["progress"], headers={"Accept": "application/json"})
    assert response.status_code == 401
    assert response.json() == {"error": "You are logged out. Log in again in another tab, then retry."}


def test_nothing_is_changed_by_looking(page, addresses, ready):
    for name in ONLY_POST:
        assert page.get(addresses[name]).status_code == 405, name
    for name in ("open_study", "close_study", "study_settings", "upload_clip", "conditions"):
        assert page.get(addresses[name]).status_code == 200, name
    assert Study.objects.get().state == Study.State.READY


def test_pages_are_not_kept_by_the_browser_after_logging_out(page, ready):
    assert "no-store" in page.get(ready.get_absolute_url())["Cache-Control"]

"""The answers that the page's script gets while it sends a file."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from listening import studies, uploads
from listening.models import Membership, Upload
from tests.conftest import wav_upload

BYTES = {"content_type": "application/octet-stream"}


@pytest.fixture
def study(researcher):
    return studies.create_study(researcher, "Empty")


@pytest.fixture
def content(tmp_path):
    return wav_upload("speech_en_prompts", tmp_path, 1.0).read()


def begin(page, study, content, **fields):
    form = {"name": "C:\\clips\\a.wav", "size": len(content), "modified": 5, "start_sha256": "ab", **fields}
    return page.post(reverse("begin_upload", args=[study.slug]), form)


def test_a_file_is_begun_sent_and_comes_back_as_a_card(page, study, content):
    begun = begin(page, study, content, category="speech", licence="GPL-2").json()
    assert (begun["received"], begun["part_bytes"]) == (0, uploads.PART_BYTES)
    assert page.post(f"{begun['part_url']}?offset=0", content[:50_000], **BYTES).json() == {"received": 50_000}
    assert page.get(begun["part_url"]).json() == {"received": 50_000}
    assert "52% of" in page.get(reverse("upload_clip", args=[study.slug])).content.decode()
    early = page.post(begun["finish_url"])
    assert (early.status_code, early.json()["received"]) == (409, 50_000)
    assert begin(page, study, content).json()["received"] == 50_000
    page.post(f"{begun['part_url']}?offset=50000", content[50_000:], **BYTES)
    answer = page.post(begun["finish_url"])
    assert answer.status_code == 201
    clip = study.clips.get()
    assert (clip.name, clip.original_name, clip.licence) == ("a", "a.wav", "")
    assert f'id="clip-{clip.pk}"' in answer.json()["row"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"size": 10**9}, "more than the 100 MB allowed"),
        ({"size": 0}, "0 bytes"),
        ({"size": -5}, "size: "),
        ({"name": ".."}, "The file needs a name."),
        ({"name": ""}, "name: "),
        ({"licence": "x" * 101}, "at most 100 characters"),
    ],
)
def test_a_file_that_will_not_do_is_refused_before_it_is_sent(page, study, content, fields, said):
    response = begin(page, study, content, **fields)
    assert response.status_code == 422
    assert said in response.json()["error"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize("query", ["", "?offset=x"])
def test_a_part_without_its_place_is_refused(page, study, content, query):
    url = begin(page, study, content).json()["part_url"]
    assert page.post(url + query, b"abc", **BYTES).status_code == 400


def test_nobody_else_adds_to_an_upload_or_reads_how_far_it_is(page, study, content):
    begun = begin(page, study, content).json()
    for role in ("collaborator", "staff"):
        user = get_user_model().objects.create_user(role, is_staff=role == "staff")
        Membership.objects.create(study=study, user=user, role="collaborator")
        other = Client()
        other.force_login(user)
        assert other.get(begun["part_url"]).status_code == 404
        assert other.post(f"{begun['part_url']}?offset=0", content[:9], **BYTES).status_code == 404
        assert other.post(begun["finish_url"]).status_code == 404
        assert begin(other, study, content).json()["part_url"] != begun["part_url"]
    assert Upload.objects.get(user=study.owner).received == 0


def test_a_file_that_came_half_way_can_be_forgotten(page, study, content):
    begin(page, study, content)
    upload = Upload.objects.get()
    page.post(reverse("discard_upload", args=[study.slug, upload.token]))
    assert not Upload.objects.exists()

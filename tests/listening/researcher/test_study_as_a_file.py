"""The buttons: a study as a file, from a file, and once more."""

import io
import zipfile

from django.core.files.uploadedfile import SimpleUploadedFile

from listening.models import Rendering, Study


def fetched(client, slug="speech"):
    answer = client.post(f"/studies/{slug}/file/")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="{slug}.zip"'
    return b"".join(answer.streaming_content)


def test_a_study_goes_down_as_a_file_and_up_again(page, ready):
    content = fetched(page)
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert {"study.yaml", "SHA256SUMS", "data/renderings.jsonl"} <= set(names)
    answer = page.post("/studies/import/", {"file": SimpleUploadedFile("a.zip", content), "slug": "again"}, follow=True)
    assert answer.redirect_chain == [("/studies/again/", 302)]
    assert "“Speech” is imported." in answer.content.decode()
    again = Study.objects.get(slug="again")
    assert (again.owner, again.state) == (ready.owner, Study.State.READY)


def test_a_large_upload_is_read_where_it_lies(page, ready, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    page.post("/studies/import/", {"file": SimpleUploadedFile("a.zip", fetched(page)), "slug": "again"})
    assert Study.objects.filter(slug="again").exists()


def test_what_is_wrong_with_an_upload_is_said(page, ready):
    content = fetched(page)
    for sent, words in (
        ({"file": SimpleUploadedFile("a.zip", content)}, "There is a study “speech” here already."),
        ({"file": SimpleUploadedFile("a.zip", content[:5000]), "slug": "b"}, "no whole zip"),
        ({"file": SimpleUploadedFile("a.zip", b"RIFF"), "slug": "b"}, "no whole zip"),
        ({"slug": "b"}, "No file was chosen."),
    ):
        answer = page.post("/studies/import/", sent, follow=True)
        assert words in answer.content.decode()
    assert Study.objects.count() == 1


def test_the_file_of_an_open_study_has_no_ratings(page, rated):
    names = zipfile.ZipFile(io.BytesIO(fetched(page))).namelist()
    assert "data/ratings.jsonl" not in names
    assert "data/raters.jsonl" not in names
    assert any(name.startswith("stimuli/") for name in names)


def test_a_clone_is_a_click_away(page, ready):
    answer = page.post("/studies/speech/clone/", follow=True)
    assert answer.redirect_chain == [("/studies/speech-2/", 302)]
    assert "This is a clone of speech" in answer.content.decode()
    assert Rendering.objects.filter(clip__study__slug="speech-2", state="done").count() == 8


def test_other_researchers_get_neither_file_nor_clone(stranger, client, ready):
    assert stranger.post("/studies/speech/file/").status_code == 404
    assert stranger.post("/studies/speech/clone/").status_code == 404
    for path in ("/studies/speech/file/", "/studies/speech/clone/", "/studies/import/"):
        assert "/login/" in client.post(path).url


def test_they_only_allow_post(page, ready):
    for path in ("/studies/speech/file/", "/studies/speech/clone/", "/studies/import/"):
        assert page.get(path).status_code == 405


def test_the_buttons_are_on_the_pages(page, ready):
    text = page.get("/studies/speech/").content.decode()
    assert 'action="/studies/speech/file/"' in text
    assert 'action="/studies/speech/clone/"' in text
    assert 'action="/studies/import/"' in page.get("/").content.decode()

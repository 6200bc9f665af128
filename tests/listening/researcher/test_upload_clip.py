import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from listening import studies
from tests.conftest import wav_upload

JSON = {"Accept": "application/json"}


@pytest.fixture
def study(researcher):
    return studies.create_study(researcher, "Empty")


@pytest.fixture
def send(page, study):
    def post(*files, json=True, **fields):
        address = reverse("upload_clip", args=[study.slug])
        return page.post(address, {"files": files, **fields}, headers=JSON if json else {}, follow=not json)

    return post


def test_an_uploaded_file_comes_back_as_a_card_of_the_list(send, study, tmp_path):
    response = send(wav_upload("speech_en_prompts", tmp_path, 2.0), category="speech")
    clip = study.clips.get()
    assert response.status_code == 201
    answer = response.json()
    assert (answer["name"], clip.category) == ("speech_en_prompts", "speech")
    assert f'id="clip-{clip.pk}"' in answer["row"]
    assert reverse("delete_clip", args=[study.slug, clip.pk]) in answer["row"]
    assert "csrfmiddlewaretoken" in answer["row"]


def test_warnings_are_said_at_once_and_stay_with_the_clip(send, page, study, tmp_path):
    answer = send(wav_upload("music_guitar", tmp_path, 1.5)).json()
    assert "Shorter than 2 s: hard to rate." in answer["warnings"]
    assert answer["notes"] == ["Recorded at 44.1 kHz, below the study's 48 kHz.", "Stereo: mixed to mono."]
    assert "Stereo: mixed to mono." in page.get(reverse("upload_clip", args=[study.slug])).content.decode()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.wav", b"", "empty"),
        ("text.wav", b"not a sound" * 50, "not audio that can be read"),
    ],
)
def test_a_file_that_is_no_use_gets_its_reason(send, study, name, content, said):
    response = send(SimpleUploadedFile(name, content))
    assert response.status_code == 422
    assert said in response.json()["error"]
    assert "object at 0x" not in response.json()["error"]
    assert not study.clips.exists()


def test_a_file_too_large_is_refused_with_the_limit(send, study, settings, tmp_path):
    settings.MAX_UPLOAD_MB = 0.1
    response = send(wav_upload("speech_en_prompts", tmp_path, 2.0))
    assert response.status_code == 422
    assert "more than the 0.1 MB allowed" in response.json()["error"]


def test_the_same_file_twice_is_refused_by_the_name_it_has(send, study, tmp_path):
    send(wav_upload("speech_en_prompts", tmp_path, 2.0))
    response = send(wav_upload("speech_en_prompts", tmp_path, 2.0, name="other.wav"))
    assert "already in the study, as “speech_en_prompts”" in response.json()["error"]
    assert study.clips.count() == 1


@pytest.mark.parametrize("name", ["../../x.wav", "ä&+%.wav", "<b>bold</b>.wav", "a" * 240 + ".wav", "=cmd|calc.wav"])
def test_odd_file_names_are_only_names(send, page, study, tmp_path, media, name):
    assert send(wav_upload("speech_en_prompts", tmp_path, 2.0, name=name)).status_code == 201
    stored = study.clips.get().original.path
    assert stored.startswith(str(media))
    text = page.get(reverse("upload_clip", args=[study.slug])).content.decode()
    assert "<b>bold</b>" not in text


def test_several_files_go_without_any_script(send, study, tmp_path):
    files = [wav_upload(name, tmp_path, 1.0) for name in ("speech_en_prompts", "speech_ga_words")]
    response = send(*files, SimpleUploadedFile("text.wav", b"not a sound"), json=False)
    text = response.content.decode()
    assert "speech_en_prompts.wav is added" in text
    assert "text.wav: This is not audio" in text
    assert list(study.clips.values_list("name", flat=True)) == ["speech_en_prompts", "speech_ga_words"]


def test_no_file_chosen_says_so(send):
    assert "No file was chosen." in send(json=False).content.decode()
    assert send().json() == {"error": "Send one file at a time, as “files”."}


def test_an_open_study_takes_no_clips_and_says_why(page, opened, tmp_path):
    address = reverse("upload_clip", args=[opened.slug])
    upload = wav_upload("speech_ro_words", tmp_path, 1.0)
    response = page.post(address, {"files": upload}, headers=JSON)
    assert response.status_code == 422
    assert response.json()["error"] == "The study is open: its clips are fixed."
    text = page.get(address).content.decode()
    assert "The clips are fixed since the study opened" in text
    assert 'type="file"' not in text

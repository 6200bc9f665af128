"""The sounds of a trial, as the rater's browser gets them."""

import io
import json
import re

import numpy as np
import pytest

from audiocodecs import audio
from listening import sessions
from listening.models import Clip, Rendering
from tests.listening.rater.conftest import come


@pytest.fixture
def reads_files_only() -> bool:
    """A test packs another sound."""
    return False


@pytest.fixture
def at_training(walked):
    return walked("at training", lambda study: come(study).to_training())


def addresses(walker):
    setup = walker.setup
    return [setup["reference"]["url"], *[each["url"] for each in setup["slots"]]]


def test_each_slot_sounds_as_its_condition_was_rendered(at_training):
    trial = sessions.current_trial(at_training.session)
    for each, rating in zip(at_training.setup["slots"], trial.ratings.all(), strict=True):
        rendering = Rendering.objects.get(clip=trial.clip, condition=rating.condition)
        got = audio.read(io.BytesIO(at_training.unmasked(each)))
        wanted = audio.read(io.BytesIO(rendering.stimulus.open("rb").read()))
        assert np.array_equal(got.samples, wanted.samples)


def test_the_reference_is_the_prepared_reference(at_training):
    trial = sessions.current_trial(at_training.session)
    got = audio.read(io.BytesIO(at_training.unmasked(at_training.setup["reference"])))
    with trial.clip.reference.open("rb") as file:
        wanted = audio.read(file)
    assert np.array_equal(got.samples, wanted.samples)
    assert (got.rate, got.subtype) == (48000, "PCM_16")


def test_sounds_of_a_study_opened_before_they_were_packed_are_masked_as_well(at_training):
    Clip.objects.update(packed="")
    trial, setup = sessions.current_trial(at_training.session), at_training.setup
    sounds = [setup["reference"], *setup["slots"]]
    bodies = [at_training.sound(each["url"]).content for each in sounds]
    assert len({len(body) for body in bodies}) == 1
    assert len({body[:44] for body in bodies}) == 5
    with trial.clip.reference.open("rb") as file:
        assert at_training.unmasked(setup["reference"]) == file.read()
    assert all(at_training.unmasked(each).startswith(b"RIFF") for each in sounds)


def test_a_range_or_a_question_for_changes_is_answered_with_the_whole_for_every_sound_alike(at_training):
    asked = [{"Range": "bytes=0-99"}, {"If-None-Match": "*"}, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}]
    for url in addresses(at_training):
        plain = at_training.sound(url)
        for headers in asked:
            answer = at_training.sound(url, **headers)
            assert (answer.status_code, answer["Accept-Ranges"]) == (200, "none")
            assert (answer.content, answer.headers) == (plain.content, plain.headers)


def test_a_question_for_the_headers_alone_is_answered_with_those_of_the_sound(at_training):
    for url in addresses(at_training):
        plain, head = at_training.sound(url), at_training.client.head(url)
        assert (head.status_code, head.content, head.headers) == (200, b"", plain.headers)


def test_sounds_are_got_only_by_who_has_the_link(at_training, arrive):
    other = arrive().to_training()
    mine, theirs = addresses(at_training)[1], addresses(other)[1]
    mixed = f"{at_training.url}audio/{theirs.split('/')[-1]}"
    assert at_training.sound(mine).status_code == 200
    answer = at_training.sound(mixed)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


def test_sounds_of_the_next_page_are_to_be_had_and_no_others(at_training):
    old = addresses(at_training)
    following, later = at_training.session.trials.filter(position__in=[1, 2])
    assert at_training.setup["next"] == [
        f"{at_training.url}audio/{token}"
        for token in (following.reference_token, *(rating.token for rating in following.ratings.all()))
    ]
    assert [at_training.sound(url).status_code for url in at_training.setup["next"]] == [200] * 5
    assert at_training.sound(f"{at_training.url}audio/{later.reference_token}").status_code == 404
    assert at_training.sound(f"{at_training.url}audio/{later.ratings.first().token}").status_code == 404
    at_training.rate_all().leave()
    assert [at_training.sound(url).status_code for url in old] == [404] * 5


def test_the_last_page_has_no_next_one(at_training):
    for _ in range(2):
        at_training.rate_all().leave()
    assert at_training.setup["next"] == []


@pytest.mark.parametrize("token", ["x", "A" * 22, "%00", "%2e%2e", "ä"])
def test_a_forged_sound_is_refused(at_training, token):
    assert at_training.sound(f"{at_training.url}audio/{token}").status_code == 404
    assert at_training.sound(f"/r/{token}/audio/{token}").status_code == 404


def test_with_the_instructions_the_sounds_of_the_training_may_be_fetched(walker):
    walker.leave()
    ahead = json.loads(re.search(r'<script id="sounds-ahead" type="application/json">(.*?)</script>', walker.text)[1])
    assert [walker.sound(url).status_code for url in ahead] == [200] * 5
    later = walker.session.trials.get(position=1)
    assert walker.sound(f"{walker.url}audio/{later.reference_token}").status_code == 404
    walker.leave()
    assert addresses(walker) == ahead


def test_a_closed_study_gives_no_sound(at_training, close):
    urls = addresses(at_training)
    close()
    assert [at_training.sound(url).status_code for url in urls] == [410] * 5


def test_a_sound_that_is_gone_is_said_and_noted_for_the_operator(at_training, caplog):
    trial = sessions.current_trial(at_training.session)
    rating = trial.ratings.get(slot=2)
    stimulus = Rendering.objects.get(clip=trial.clip, condition=rating.condition).packed
    stimulus.storage.delete(stimulus.name)
    answer = at_training.sound(addresses(at_training)[2])
    assert (answer.status_code, answer.json()) == (503, {"error": "This sound can't be read on the server."})
    assert stimulus.name in caplog.text
    assert at_training.sound(addresses(at_training)[1]).status_code == 200

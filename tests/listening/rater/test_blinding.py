"""Nothing that a rater's browser receives, decoded samples apart, tells one slot from another."""

import json
import re
import zlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

from listening import masking, sessions
from listening.models import Condition, Rating, Rendering, Session, Trial
from tests.listening.rater.conftest import come

STATIC = Path(__file__).parents[3] / "listening" / "static" / "listening"
HEADER = 42  # of a FLAC file, up to its first frame
CODECS = (
    *("opus", "mp3", "vorbis", "g722", "amrnb", "lyra", "lc3", "codec2", "speex", "amrwb", "evs"),
    *("encodec", "spectral"),
)


@pytest.fixture
def whole(walked):
    """A session from link to code, every sound fetched; each trial's page and sounds kept apart."""
    return walked("whole", go_to_the_end)


def go_to_the_end(study):
    walker = come(study)
    walker.trials = []
    walker.to_training()
    while (trial := sessions.current_trial(walker.session)) is not None:
        setup = walker.setup
        urls = [setup["reference"]["url"], *[each["url"] for each in setup["slots"]]]
        first_page = walker.text
        sounds = [walker.sound(url) for url in urls]
        saves = [walker.save(each["slot"], 50, 7) for each in setup["slots"]]
        walker.trials.append((trial, setup, first_page, sounds, saves))
        walker.leave()
    walker.leave(comment="")
    assert walker.session.state == Session.State.FINISHED
    return walker


def test_all_sounds_of_a_trial_come_with_the_same_headers_and_length(whole):
    for _, _, _, sounds, _ in whole.trials:
        headers = [sorted(sound.headers.items()) for sound in sounds]
        assert all(each == headers[0] for each in headers)
        assert {sound.status_code for sound in sounds} == {200}
        assert len({len(sound.content) for sound in sounds}) == 1


def test_under_their_masks_all_files_of_a_trial_have_the_same_header(whole):
    for _, setup, _, sounds, _ in whole.trials:
        keys = [each["key"] for each in [setup["reference"], *setup["slots"]]]
        files = [masking.mask(sound.content, key) for sound, key in zip(sounds, keys, strict=True)]
        assert all(file.startswith(b"fLaC") for file in files)
        assert len({file[:HEADER] for file in files}) == 1


def test_masked_sounds_are_even_noise_to_the_last_byte(whole):
    """A file ends in hundreds of zeros, and a trial's two references are equal: of all that nothing is to be seen."""
    for _, _, _, sounds, _ in whole.trials:
        bodies = [np.frombuffer(sound.content, np.uint8) for sound in sounds]
        for body in bodies:
            counts = np.bincount(body, minlength=256)
            assert chisquare(counts).pvalue > 1e-6
            assert len(zlib.compress(body, 9)) > len(body)
        for one, other in combinations(bodies, 2):
            assert chisquare(np.bincount(one ^ other, minlength=256)).pvalue > 1e-6


def test_headers_of_sounds_are_these_and_no_more(whole):
    sound = whole.trials[0][3][0]
    assert dict(sound.headers) == {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(sound.content)),
        "Accept-Ranges": "none",
        "Cache-Control": "private, max-age=3600, no-transform",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    assert not sound.cookies


def test_tokens_and_keys_are_random_and_the_hidden_reference_has_not_those_of_the_visible_one(whole):
    tokens = [re.search(r"/audio/(.+)$", url)[1] for _, setup, *_ in whole.trials for url in urls_of(setup)]
    assert len(set(tokens)) == len(tokens) == 3 * 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", token) for token in tokens)
    keys = [each["key"] for _, setup, *_ in whole.trials for each in [setup["reference"], *setup["slots"]]]
    assert len(set(keys)) == len(keys) == 3 * 5
    assert all(re.fullmatch(r"[0-9a-f]{32}", key) for key in keys)


def test_two_sessions_share_no_token(whole, arrive):
    other = arrive().to_training()
    mine = {url for _, setup, *_ in whole.trials for url in urls_of(setup)}
    tokens = {url.split("/")[-1] for url in mine}
    assert not tokens & {url.split("/")[-1] for url in urls_of(other.setup)}


def test_a_page_is_the_same_whichever_condition_lies_behind_a_slot(whole):
    """With tokens and slot numbers replaced, each slot's part of the page and of the data is the same text."""
    for _, setup, page, _, saves in whole.trials:
        rows = re.findall(r'<li class="signal".*?</li>', page, re.S)
        assert len(rows) == 4
        assert len({without_slot(row, slot) for slot, row in enumerate(rows, start=1)}) == 1
        described = [without_slot(json.dumps(each), each["slot"]) for each in setup["slots"]]
        assert len(set(described)) == 1
        answered = [without_slot(save.content.decode(), slot) for slot, save in enumerate(saves, start=1)]
        assert len(set(answered)) == 1
        clockless = [{**save.headers, "Expires": "now"} for save in saves]  # two writes may fall into two seconds
        assert all(headers == clockless[0] for headers in clockless)


def test_a_page_is_the_same_for_another_order_of_slots(whole, arrive):
    """Two raters with other orders get the same text, but for their tokens."""
    order = orders(whole.session)
    for _ in range(50):
        other = arrive().to_training()
        if orders(other.session)[0] != order[0]:
            break
    assert neutral(other.text) == neutral(whole.trials[0][2])


def test_no_body_or_header_names_what_lies_behind_a_slot(whole, opened):
    secrets = words_that_tell(opened)
    assert len(secrets) > 30
    for answer in whole.seen:
        received = b"" if answer["Content-Type"] == "application/octet-stream" else answer.content
        text = received.decode() + "\n" + "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
        # what the rater's own link and study are called is no secret
        text = text.replace(whole.token, "").replace(f"/t/{opened.slug}/", "")
        found = {word for word in secrets if re.search(rf"(?<![\w.]){re.escape(word)}(?![\w])", text, re.I)}
        assert found == set(), (answer.request["PATH_INFO"], found)


def test_no_number_of_a_database_row_is_sent(opened, arrive):
    """Keys are raised so high that none is like a number that pages have for other reasons."""
    walker = arrive()
    walker.leave()
    keys = raised_keys(walker.session)
    walker.leave()
    while sessions.current_trial(walker.session) is not None:
        for url in urls_of(walker.setup):
            assert walker.sound(url).status_code == 200
        walker.rate_all().leave()
    walker.leave(comment="")
    for answer in walker.seen:
        if answer["Content-Type"] != "application/octet-stream":
            text = answer.content.decode() + str(answer.headers)
            assert not any(str(key) in text for key in keys)


def test_ratings_are_created_in_the_order_of_slots(whole):
    for trial in whole.session.trials.all():
        keys = list(trial.ratings.order_by("slot").values_list("pk", flat=True))
        assert keys == sorted(keys)


def test_scripts_and_styles_of_raters_name_no_codec(opened):
    files = ["rater.css", "tokens.css", "trial.js", "copy-code.js"]
    for name in files:
        files += [found for found in re.findall(r'from "\./(.+?)"', (STATIC / name).read_text()) if found not in files]
    assert "audio-engine.js" in files
    for name in files:
        text = (STATIC / name).read_text().lower()
        for word in (*CODECS, "codec", "kbps", "bitrate", "condition"):
            assert not re.search(rf"\b{word}", text), (name, word)


def urls_of(setup):
    return [setup["reference"]["url"], *[each["url"] for each in setup["slots"]]]


def orders(session):
    return [list(trial.ratings.values_list("condition", flat=True)) for trial in session.trials.all()]


def without_slot(text, slot):
    """Without tokens, and without the slot's number where a slot is named."""
    return re.sub(rf'(slot-|data-slot="|sound |"name">|"slot": ){slot}\b', r"\1N", neutral(text))


def neutral(text):
    """Without the random tokens and keys, and without the rater's code to continue."""
    return re.sub(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{22}|[0-9a-f]{32}|[2-9A-Z]{8})(?![A-Za-z0-9_-])", "TOKEN", text)


def words_that_tell(study):
    """Specs, titles, roles, file names, hashes, versions and rates of everything in the study."""
    words = {"opus", "lowpass", "kbps", "kbit", "anchor", "codec", "bitrate", "stimuli", "sha256", "wav_filename"}
    words |= {study.title} - {"Speech"}
    for condition in Condition.objects.filter(study=study):
        words |= {condition.spec, condition.title, condition.role, condition.weights}
    for rendering in Rendering.objects.filter(clip__study=study):
        words |= {rendering.stimulus.name, rendering.stimulus_sha256, rendering.stimulus_sha256[:12], rendering.key}
        words |= {rendering.codec_version, str(rendering.kbps), f"{rendering.kbps or 0:.1f}", str(rendering.peak)}
    for clip in study.clips.all():
        words |= {clip.name, clip.original_name, clip.reference.name, clip.reference_sha256, clip.original_sha256}
    # "Reference" is the name of the button; "reference" the key of the visible one
    return {word for word in words if word and word.lower() not in ("reference", "none", "0.0")}


def raised_keys(session):
    """Move every row of a session to a high, unmistakable key; return the keys."""
    keys = []
    for trial in list(session.trials.all()):
        ratings, old = list(trial.ratings.all()), trial.pk
        Rating.objects.filter(trial=trial).delete()
        Trial.objects.filter(pk=old).delete()
        trial.pk = 7_000_000_000 + old
        trial.save(force_insert=True)
        keys.append(trial.pk)
        for rating in ratings:
            rating.pk, rating.trial = 8_000_000_000 + rating.pk, trial
            rating.save(force_insert=True)
            keys.append(rating.pk)
    return keys

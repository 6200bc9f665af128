"""The same weights give the same codes, samples and files as the package `encodec` 0.1.1, both models.

A minute of audio at every bandwidth: test_equals_published_package_for_a_minute.py, in `make verify`.
"""

import pytest
import torch
from published_pair import Pair

from audiocodecs.base import Spec
from audiocodecs.encodec import ecdc
from audiocodecs.encodec.container import open_ecdc
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel
from audiocodecs.encodec.segments import segment_frames

MODELS = {"24 kHz": "pair_24", "48 kHz": "pair_48"}
BANDWIDTHS = [("pair_24", kbps) for kbps in ENCODEC_24KHZ.bandwidths] + [
    ("pair_48", kbps) for kbps in ENCODEC_48KHZ.bandwidths
]


def bandwidths(*quick):
    """Every bandwidth of both models; those not named are for `make verify`."""
    return [pytest.param(*one, marks=[] if one in quick else pytest.mark.slow) for one in BANDWIDTHS]


LENGTHS = {"one sample": 0, "half a second": 0.5, "one second": 1}
QUICK = [("pair_24", 1.5, 0), ("pair_24", 24.0, 0.5), ("pair_48", 3.0, 0), ("pair_48", 24.0, 0.5)]
"""The first codebooks of the highest bandwidth are the codes at the others."""


@pytest.fixture
def pair_24(theirs, fast, clips):
    return Pair(theirs, fast, clips["speech_en_prompts"])


@pytest.fixture
def pair_48(theirs_48, fast_48, stereo_clips):
    return Pair(theirs_48, fast_48, stereo_clips["music_guitar"])


@pytest.fixture
def pair(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(("name", "of_model", "entries"), [
    ("theirs", ENCODEC_24KHZ, 252),
    ("theirs_48", ENCODEC_48KHZ, 224),
])  # fmt: skip
def test_the_state_dict_has_the_published_keys_and_shapes(request, name, of_model, entries):
    expected = {key: tuple(value.shape) for key, value in request.getfixturevalue(name).state_dict().items()}
    with torch.device("meta"):
        found = {key: tuple(value.shape) for key, value in EncodecModel(of_model).state_dict().items()}
    assert len(expected) == entries
    assert list(found.items()) == list(expected.items())


@pytest.mark.parametrize(("of_model", "parameters"), [(ENCODEC_24KHZ, 14_851_810), (ENCODEC_48KHZ, 14_856_294)])
def test_the_models_have_the_published_size(of_model, parameters):
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in EncodecModel(of_model).parameters()) == parameters


def test_the_codebooks_are_really_used(ours, theirs_and_latents):
    [codes] = ours.quantize(theirs_and_latents[1].t()[None], 32)
    assert min(len(row.unique()) for row in codes) >= 200


@pytest.mark.parametrize(
    ("pair", "kbps", "seconds"),
    [
        pytest.param(*one, n, id=f"{name}-{one[0]}-{one[1]}", marks=[] if (*one, n) in QUICK else pytest.mark.slow)
        for name, n in LENGTHS.items()
        for one in BANDWIDTHS
    ],
    indirect=["pair"],
)
def test_codes_and_samples_are_the_same(pair, kbps, seconds, record_property):
    rate = pair.settings.rate
    clip = pair.clip[:, rate : rate + max(1, round(seconds * rate))]
    expected = pair.their_codes(clip, kbps)
    assert expected[0].codes.shape[0] == kbps * 1000 / 10 / pair.settings.frame_rate
    record_property("close calls", pair.assert_same_codes(clip, pair.our_codes(clip, kbps), expected))
    assert (pair.our_sound(expected) - pair.their_sound(expected)).abs().max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("pair", MODELS.values(), ids=MODELS, indirect=True)
def test_ten_seconds_less_a_little_are_the_same(pair, capsys):
    settings = pair.settings
    clip = pair.clip[:, : round(9.99 * settings.rate)]
    most = max(settings.bandwidths)
    expected, found = pair.their_codes(clip, most), pair.our_codes(clip, most)
    close = pair.assert_same_codes(clip, found, expected)
    with capsys.disabled():
        print(f"\n  {settings.name}: {sum(part.codes.size for part in found)} codes, {close} frames with a close call")
    for kbps in settings.bandwidths:
        # The first codebooks of the highest bandwidth are the codes at the others.
        fewer = [ecdc.Segment(part.codes[: settings.codebooks_at(kbps)], part.scale) for part in expected]
        if kbps in (min(settings.bandwidths), most):
            sound = pair.their_sound(fewer)
            assert sound.std() > 0.01
            assert (pair.our_sound(fewer) - sound).abs().max() < 1e-4
    sixth = pair.their_codes(clip[:, : 3 * settings.rate], 6.0)
    pair.assert_same_codes(clip[:, : 3 * settings.rate], pair.our_codes(clip[:, : 3 * settings.rate], 6.0), sixth)


@pytest.mark.slow
@pytest.mark.parametrize("clip", ["music_metal", "speech_noisy_da", "music_percussion"])
def test_codes_are_the_same_on_other_material(pair_24, clips, clip):
    samples = clips[clip][:, : 2 * ENCODEC_24KHZ.rate]
    pair_24.assert_same_codes(samples, pair_24.our_codes(samples, 24.0), pair_24.their_codes(samples, 24.0))


@pytest.mark.parametrize(
    "samples", [47_521, *(pytest.param(n, marks=pytest.mark.slow) for n in (47_680, 47_841, 48_000, 48_001, 95_041))]
)
def test_a_last_segment_of_any_length_is_the_same(pair_48, samples):
    clip = pair_48.clip[:, 96_000 : 96_000 + samples]
    expected = pair_48.their_codes(clip, 3.0)
    pair_48.assert_same_codes(clip, pair_48.our_codes(clip, 3.0), expected)
    assert (pair_48.our_sound(expected) - pair_48.their_sound(expected)).abs().max() < 1e-4


def test_a_last_segment_that_the_package_cannot_decode_is_decoded(pair_48):
    clip = pair_48.clip[:, 96_000 : 96_000 + 47_720]  # 200 beyond the stride: shorter than what it overlaps
    expected = pair_48.their_codes(clip, 6.0)
    pair_48.assert_same_codes(clip, pair_48.our_codes(clip, 6.0), expected)
    with pytest.raises(RuntimeError, match="size of tensor"):
        pair_48.their_sound(expected)
    sound = pair_48.our_sound(expected)
    assert sound.shape == (2, 48_000)
    # Up to the overlap it is what the first segment alone gives.
    alone = pair_48.their_sound(expected[:1])
    assert (sound - alone)[:, :47_520].abs().max() < 1e-4


@pytest.fixture
def codec_class(request, pair):
    """Of the pair's model."""
    return request.getfixturevalue("published" if pair.settings is ENCODEC_24KHZ else "published_48")


@pytest.mark.parametrize(("pair", "kbps"), bandwidths(("pair_24", 6.0), ("pair_48", 6.0)), indirect=["pair"])
def test_files_are_read_by_both_and_written_alike(package, pair, codec_class, monkeypatch, kbps):
    of_model, theirs = pair.settings, pair.theirs
    # Its reader would download the published weights.
    monkeypatch.setitem(package.compress.__globals__["MODELS"], theirs.name, lambda: theirs)
    codec = codec_class.parse(Spec(of_model.name, kbps))
    clip = pair.clip[:, of_model.rate : of_model.rate * 22 // 10 + 3]
    theirs.set_target_bandwidth(kbps)
    written = package.compress(theirs, clip)
    encoded = codec.encode(clip.numpy(), of_model.rate)
    assert encoded.kbps == pytest.approx(kbps, rel=0.05)
    assert len(encoded.container) == len(written)
    assert encoded.container[:70] == written[:70]
    both = [list(open_ecdc(data, of_model, codec._coder).segments) for data in (encoded.container, written)]
    pair.assert_same_codes(clip, *both)
    for read, made in zip(both[1], pair.their_codes(clip, kbps), strict=True):
        assert (read.codes == made.codes).all()
        assert read.scale == made.scale

    sound, rate = package.decompress(encoded.container)
    decoded, our_rate = codec.decode(codec.read(encoded.container))
    assert rate == our_rate == of_model.rate
    assert decoded.shape == sound.shape
    assert abs(decoded - sound.numpy()).max() < 1e-4
    assert codec.decode(codec.read(written))[0].shape == clip.shape


@pytest.mark.parametrize(("pair", "samples"), [("pair_24", 53_760), ("pair_48", 54_240)], indirect=["pair"])
def test_a_file_that_the_package_cannot_read_back_is_read_here(package, pair, codec_class, monkeypatch, samples):
    of_model, theirs = pair.settings, pair.theirs
    monkeypatch.setitem(package.compress.__globals__["MODELS"], theirs.name, lambda: theirs)
    clip = pair.clip[:, :samples]
    theirs.set_target_bandwidth(min(of_model.bandwidths))
    written = package.compress(theirs, clip)
    with pytest.raises(EOFError):  # 53760 / 24000 * 75 is 168.00000000000003 in floating point
        package.decompress(written)
    codec = codec_class.parse(Spec(of_model.name, min(of_model.bandwidths)))
    frames = sum(segment_frames(samples, of_model))
    assert len(codec.read(written).payload) >= ecdc.payload_size(2, frames)
    assert codec.decode(codec.read(written))[0].shape == clip.shape

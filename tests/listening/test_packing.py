"""What raters get of a clip: the same samples in files of one length."""

import io
import zlib
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from listening import packing, rendering, studies
from listening.models import Rendering

HEADER = 42


def read(stored):
    return soundfile.read(io.BytesIO(stored.open("rb").read()), dtype="int16", always_2d=True)


def test_opening_a_study_packs_its_clips_without_loss(ready):
    studies.open_study(ready, ready.owner)
    for clip in ready.clips.all():
        pairs = [(clip.packed, clip.reference)] + [(each.packed, each.stimulus) for each in clip.renderings.all()]
        contents = [packed.open("rb").read() for packed, _ in pairs]
        assert len({len(content) for content in contents}) == 1
        assert len({content[:HEADER] for content in contents}) == 1
        assert all(content.startswith(b"fLaC") for content in contents)
        for packed, plain in pairs:
            assert np.array_equal(read(packed)[0], read(plain)[0])
        assert len(contents[0]) < clip.reference.size


def test_the_hidden_reference_is_a_file_of_its_own(ready):
    """A file that was read before is read more quickly: that would tell it from the other slots."""
    clip = ready.clips.first()
    assert packing.pack(clip)
    names = [clip.packed.name, *clip.renderings.values_list("packed", flat=True)]
    assert len(set(names)) == len(names) == 5
    hidden = clip.renderings.get(condition__spec="reference")
    one, other = hidden.packed.open("rb").read(), clip.packed.open("rb").read()
    assert np.array_equal(read(hidden.packed)[0], read(clip.packed)[0])
    assert one[:HEADER] == other[:HEADER]
    assert one[-1000:] != other[-1000:]


def test_a_clip_is_packed_once_all_of_it_is_rendered(draft):
    studies.start_rendering(draft)
    clip = draft.clips.first()
    *first, last = clip.renderings.values_list("pk", flat=True)
    for pk in first:
        rendering.render(pk)
    clip.refresh_from_db()
    assert not packing.pack(clip)
    rendering.render(last)
    clip.refresh_from_db()
    assert packing.pack(clip)
    assert clip.packed


def test_packing_twice_changes_nothing_and_another_stimulus_packs_anew(ready):
    clip = ready.clips.first()
    assert packing.pack(clip)
    before = [clip.packed.name, *clip.renderings.values_list("packed", flat=True)]
    assert packing.pack(clip)
    assert before == [clip.packed.name, *clip.renderings.values_list("packed", flat=True)]
    one, other = clip.renderings.all()[:2]
    Rendering.objects.filter(pk=one.pk).update(stimulus=other.stimulus, stimulus_sha256=other.stimulus_sha256)
    assert packing.pack(clip)
    one.refresh_from_db()
    assert np.array_equal(read(one.packed)[0], read(other.stimulus)[0])


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([16000, 24000, 44100, 48000]), st.sampled_from([1, 2]), st.integers(1, 9000), st.integers(0, 2**32)
)
def test_any_samples_come_back_as_they_were(rate, channels, frames, seed):
    draw = np.random.default_rng(seed)
    samples = draw.integers(-32768, 32768, (frames, channels)).astype(np.int16) >> int(draw.integers(0, 16))
    content = packing.flac(samples, rate)
    content = packing.pad(content, len(content) + 1000, seed.to_bytes(5, "big"))
    back, back_rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    assert back_rate == rate
    assert np.array_equal(back, samples)


def test_where_a_sound_ends_cannot_be_read_without_decoding_it(ready):
    """The end of the file looks like its middle: no zeros, nothing that repeats, nothing that packs."""
    for clip in ready.clips.all():
        assert packing.pack(clip)
        for stored in (clip.packed, *(each.packed for each in clip.renderings.all())):
            content = stored.open("rb").read()
            own = len(packing.flac(read(stored)[0], 48000))
            assert len(content) > own
            end = content[-(len(content) - own) :]
            assert len(zlib.compress(end, 9)) >= len(end)
            assert chisquare(np.bincount(np.frombuffer(end, np.uint8), minlength=256)).pvalue > 1e-6


def test_the_length_of_a_clips_files_does_not_follow_from_its_sounds():
    lengths = {packing.padded_length(1_000_000, bytes([i])) for i in range(50)}
    assert len(lengths) == 50
    assert min(lengths) >= 1_000_000
    assert max(lengths) <= 1_250_000


@given(st.binary(min_size=1, max_size=20), st.integers(0, 4000), st.binary(max_size=8))
def test_padding_never_looks_like_the_start_of_a_frame(content, more, secret):
    padded = packing.pad(content, len(content) + more, secret)
    assert padded.startswith(content)
    assert len(padded) == len(content) + more
    end = padded[len(content) - 1 :]
    assert not any(one == 0xFF and 0xF8 <= other <= 0xFB for one, other in pairwise(end))


@pytest.mark.parametrize("scale", [1, 200])
def test_the_header_tells_rate_channels_and_length_only(scale):
    samples = (np.random.default_rng(1).normal(0, 1, (4800, 2)) * scale).astype(np.int16)
    header = packing.flac(samples, 48000)[:HEADER]
    assert header == packing.flac(np.zeros((4800, 2), np.int16), 48000)[:HEADER]

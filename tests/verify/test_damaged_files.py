"""Thousands of damaged files for every codec that reads files: clear errors, bounded memory, no crash."""

import io
import resource

import numpy as np
import pytest
import soundfile

from audiocodecs import audio
from audiocodecs.base import CodecError
from audiocodecs.registry import get_codec
from tests.conftest import CLIPS
from tests.damage import damaged

FILES = 5000


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["opus@12", "mp3@64", "lyra@6", "lc3@32", "codec2@1.3", "spectral_24khz@6"])
def test_a_damaged_file_is_a_clear_error_or_decodes(spec):
    random = np.random.default_rng(7)
    clip = audio.read(CLIPS / "speech_en_prompts.flac")
    codec = get_codec(spec)
    content = codec.encode(clip.samples[:, :48000], clip.rate).container
    codec.decode(codec.read(content))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    errors = []
    for _ in range(FILES):
        try:
            decoded, _ = codec.decode(codec.read(damaged(content, random)))
        except CodecError as error:
            errors.append(str(error))
        else:
            assert np.isfinite(decoded).all()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{spec}: {len(errors)} of {FILES} refused, memory grew by {grown:.0f} MB")
    assert errors
    assert min(map(len, errors)) > 20
    assert grown < 1500


@pytest.mark.slow
@pytest.mark.parametrize("name", ["speech_ga_words.flac", "a.wav", "a.ogg", "a.mp3"])
def test_a_damaged_upload_is_a_clear_error_or_read(name, tmp_path):
    random = np.random.default_rng(8)
    clip = audio.read(CLIPS / "speech_ga_words.flac")
    path = tmp_path / name
    soundfile.write(path, clip.samples[:, :44100].T, clip.rate)
    content = path.read_bytes()
    errors = []
    for _ in range(FILES):
        try:
            found = audio.read(io.BytesIO(damaged(content, random)), max_seconds=600)
        except audio.AudioError as error:
            errors.append(str(error))
        else:
            assert np.isfinite(found.samples).all()
    assert errors
    assert min(map(len, errors)) > 20

"""The coding decides whether a file is lossy, not the container."""

import io

import av
import numpy as np
import pytest
import soundfile

from audiocodecs import audio

RATE = 48000
TONE = (0.3 * np.sin(np.arange(RATE) / 20)).astype(np.float32)


def by_soundfile(format, subtype):
    file = io.BytesIO()
    soundfile.write(file, TONE, 8000 if subtype == "GSM610" else RATE, format=format, subtype=subtype)
    return file.getvalue()


def by_ffmpeg(codec, container):
    file = io.BytesIO()
    with av.open(file, "w", format=container, options={"movflags": "empty_moov"}) as target:
        stream = target.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(TONE[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE)
        for part in (*resampler.resample(frame), None):
            for packet in stream.encode(part):
                target.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        *(("WAV", "ULAW"), ("WAV", "ALAW"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610")),
        *(("AU", "ULAW"), ("AU", "G721_32"), ("AIFF", "IMA_ADPCM")),
        *(("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)),
    ],
)
def test_a_lossy_coding_is_known_in_every_container_of_libsndfile(format, subtype):
    assert audio.read(io.BytesIO(by_soundfile(format, subtype))).lossy


@pytest.mark.parametrize(
    ("format", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_24"), ("CAF", "ALAC_16"), ("AIFF", "PCM_16")],
)
def test_a_lossless_coding_is_known_in_every_container_of_libsndfile(format, subtype):
    assert not audio.read(io.BytesIO(by_soundfile(format, subtype))).lossy


@pytest.mark.parametrize(
    ("codec", "container", "lossy"),
    [
        *(("alac", "ipod", False), ("flac", "mp4", False), ("flac", "matroska", False), ("pcm_s16le", "mov", False)),
        *(("aac", "mp4", True), ("aac", "mpegts", True), ("aac", "adts", True), ("ac3", "ac3", True)),
        *(("eac3", "eac3", True), ("libmp3lame", "matroska", True), ("pcm_mulaw", "mov", True)),
    ],
)
def test_the_coding_decides_in_every_container_of_ffmpeg(codec, container, lossy):
    found = audio.read(io.BytesIO(by_ffmpeg(codec, container)))
    assert (found.lossy, found.seconds) == (lossy, pytest.approx(1, abs=0.15))

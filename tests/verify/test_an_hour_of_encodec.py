"""An hour through EnCodec in pipes, at 24 kHz and at 48 kHz stereo: bounded memory, and the offline result."""

import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from audiocodecs import audio, registry, wav_stream
from audiocodecs.encodec.container import open_ecdc, open_rvqf
from audiocodecs.encodec.random_weights import write_random_weights

CLIPS = Path(__file__).parents[2] / "listening" / "demo" / "clips"
MOST_MEGABYTES = 1000

# Memory of a program counts from before it is started, as a copy of what starts it: so something small does.
MEASURED = """
import json, resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    json.dump({"status": status, "megabytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}, file)
"""


class Program:
    """`python -m audiocodecs ...` in pipes, its memory measured."""

    def __init__(self, folder, *arguments, stdin):
        self.figures = folder / f"{arguments[0]}.json"
        self.process = subprocess.Popen(
            [sys.executable, "-c", MEASURED, str(self.figures), sys.executable, "-m", "audiocodecs", *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
        )

    def megabytes(self):
        """Peak of the resident set, once it has ended well."""
        assert self.process.wait() == 0
        found = json.loads(self.figures.read_text())
        assert found["status"] == 0
        return found["megabytes"]


def blocks(clips, seconds, rate):
    """The clips one after another, again and again, at changing levels."""
    left, round_ = seconds * rate, 0
    while left:
        for clip in clips:
            part = clip[:, :left] * np.float32(0.3 + 0.7 * (round_ % 7) / 6)
            yield part
            left -= part.shape[1]
        round_ += 1


def feed(stream, clips, seconds, rate):
    writer = wav_stream.WavWriter(stream, rate, len(clips[0]))
    for part in blocks(clips, seconds, rate):
        writer.write(part)
    stream.close()


def journey(folder, name, container, seconds):
    """Encode and decode so many seconds; returns the peaks of memory in MB."""
    codec = registry.get_codec(f"{name}@6:weights={write_random_weights(folder, name)}:container={container}")
    spec, settings = str(codec.spec), codec.settings
    clips = []
    for path in sorted(CLIPS.glob("music_*.flac" if settings.channels == 2 else "speech_*.flac")):
        clip = audio.read(path)
        samples = audio.resample(audio.to_channels(clip.samples, settings.channels), clip.rate, settings.rate)
        clips.append(np.round(np.clip(samples, -0.99, 0.99) * 32768) / np.float32(32768))

    encoder = Program(folder, "encode", spec, "-", "-", stdin=subprocess.PIPE)
    feeder = threading.Thread(target=feed, args=(encoder.process.stdin, clips, seconds, settings.rate))
    feeder.start()
    coded = folder / "coded"
    with coded.open("wb") as file:
        while part := encoder.process.stdout.read(1 << 16):
            file.write(part)
    feeder.join()
    peaks = [encoder.megabytes()]

    start = np.concatenate(list(blocks(clips, 20, settings.rate)), axis=1)
    written = io.BytesIO()
    audio.write_wav(written, start, settings.rate)
    offline = codec.encode(audio.read(written).samples, settings.rate)
    assert first_codes(coded.read_bytes(), codec) == first_codes(offline.container, codec)

    with coded.open("rb") as file:
        decoder = Program(folder, "decode", spec, "-", "-", stdin=file)
        header = decoder.process.stdout.read(44)
        size = len(header)
        first = b""
        while part := decoder.process.stdout.read(1 << 16):
            size += len(part)
            if len(first) < 15 * settings.rate * settings.channels * 2:
                first += part
    peaks.append(decoder.megabytes())
    assert (size - 44) == seconds * settings.rate * settings.channels * 2
    expected = wav_stream.pcm16(codec.decode(offline)[0][:, : 15 * settings.rate])
    found = np.frombuffer(first[: len(expected)], "<i2").astype(int)
    assert abs(found - np.frombuffer(expected, "<i2")).max() <= 1
    return peaks


def first_codes(data, codec):
    """Those of the first 18 s, which no later sample reaches, as bytes."""
    coded = open_rvqf([data], codec._accept) if data[:4] == b"RVQF" else open_ecdc(data, codec.settings, codec._coder)
    found, frames = [], 0
    for part in coded.segments:
        found.append(part.codes)
        frames += part.codes.shape[1]
        if frames >= 18 * codec.settings.frame_rate:
            break
    return np.concatenate(found, axis=1)[:, : 18 * codec.settings.frame_rate].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "container"), [("encodec_24khz", "ecdc"), ("encodec_48khz", "rvqf")])
def test_an_hour_takes_less_than_a_gigabyte(tmp_path, name, container):
    peaks = journey(tmp_path, name, container, 3600)
    print(f"{name}, one hour: encoding {peaks[0]:.0f} MB, decoding {peaks[1]:.0f} MB at most")
    assert max(peaks) < MOST_MEGABYTES

"""`encode SPEC - -` and `decode SPEC - -` in real pipes give what files give."""

import io
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from audiocodecs import audio, registry
from audiocodecs.__main__ import main

PROGRAM = [sys.executable, "-m", "audiocodecs"]


class Standard:
    """Standard input or output as a program has it: text, and `buffer` beneath it."""

    def __init__(self, data=b""):
        self.buffer = io.BytesIO(data)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process with bytes for its input; gives its output, or its complaint."""

    def command(*arguments, data=b"", status=0):
        with monkeypatch.context() as patch:
            out = Standard()
            out.buffer.seekable = lambda: False
            patch.setattr(sys, "stdin", Standard(data))
            patch.setattr(sys, "stdout", out)
            found = main(list(map(str, arguments)))
        said = capsys.readouterr().err
        assert found == status, said
        return out.buffer.getvalue() if status == 0 else said

    return command


def wav_of_unknown_length(samples, rate):
    """As a program that records or converts writes it into a pipe."""
    file = io.BytesIO()
    audio.write_wav(file, samples, rate)
    data = bytearray(file.getvalue())
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    return bytes(data)


@pytest.mark.parametrize("container", ["ecdc", "rvqf"])
@pytest.mark.parametrize("model", ["24 kHz", pytest.param("48 kHz", marks=pytest.mark.slow)])
def test_a_pipe_gives_what_a_file_gives(
    run, tmp_path, clips, stereo_clips, weights_file, weights_file_48, model, container
):
    if model == "24 kHz":
        spec, samples, rate = f"encodec_24khz@6:weights={weights_file}", clips["speech_en_prompts"].numpy(), 22_050
    else:
        spec, samples, rate = f"encodec_48khz@6:weights={weights_file_48}", stereo_clips["music_guitar"].numpy(), 44_100
    spec += f":container={container}"
    samples = samples[:, : rate * 2]
    audio.write_wav(tmp_path / "in.wav", samples, rate)
    codec = registry.get_codec(spec)
    from_file = codec.encode(audio.read(tmp_path / "in.wav").samples, rate)

    coded = run("encode", spec, "-", "-", data=wav_of_unknown_length(samples, rate))
    assert coded == from_file.container

    sound = run("decode", spec, "-", "-", data=coded)
    expected, expected_rate = codec.decode(codec.read(coded))
    announced = struct.unpack_from("<I", sound, 40)[0]
    assert announced == (0xFFFFFFFF if container == "rvqf" else len(sound) - 44)
    # libsndfile reads a WAV file of announced length 2**32 - 1 as far as it goes
    decoded, found_rate = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)
    assert found_rate == expected_rate
    assert decoded.T.shape == expected.shape
    assert abs(decoded.T - np.clip(expected, -1, 1)).max() <= 1 / 32768

    if container == "rvqf":
        run("decode", spec, "-", tmp_path / "out.wav", data=coded)
        data = (tmp_path / "out.wav").read_bytes()
        assert struct.unpack_from("<I", data, 40)[0] == len(data) - 44  # a file gets its length in the end
        assert data[44:] == sound[44:]


@pytest.mark.slow
def test_two_programs_and_real_pipes(tmp_path, clips, weights_file):
    spec = f"encodec_24khz@6:weights={weights_file}:container=rvqf"
    samples = clips["speech_en_prompts"].numpy()[:, :60_000]
    encoder = subprocess.Popen([*PROGRAM, "encode", spec, "-", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    decoder = subprocess.Popen([*PROGRAM, "decode", spec, "-", "-"], stdin=encoder.stdout, stdout=subprocess.PIPE)
    encoder.stdout.close()
    encoder.stdin.write(wav_of_unknown_length(samples, 24_000))
    encoder.stdin.close()
    sound = decoder.communicate()[0]
    assert (encoder.wait(), decoder.returncode) == (0, 0)
    codec = registry.get_codec(spec)
    written = io.BytesIO()
    audio.write_wav(written, samples, 24_000)
    expected = codec.decode(codec.encode(audio.read(written).samples, 24_000))[0]
    decoded = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)[0].T
    assert abs(decoded - np.clip(expected, -1, 1)).max() <= 1 / 32768


def test_files_of_other_formats_come_through_a_pipe_too(run, tmp_path, clips, weights_file):
    samples = clips["speech_en_prompts"].numpy()[:, :24_000]
    flac = io.BytesIO()
    soundfile.write(flac, samples.T, 24_000, format="FLAC")
    spec = f"encodec_24khz@3:weights={weights_file}"
    from_pipe = run("encode", spec, "-", "-", data=flac.getvalue())
    (tmp_path / "in.flac").write_bytes(flac.getvalue())
    run("encode", spec, tmp_path / "in.flac", tmp_path / "out.ecdc")
    assert (tmp_path / "out.ecdc").read_bytes() == from_pipe


def test_what_goes_wrong_in_a_pipe_is_one_line_and_leaves_no_file(run, tmp_path, weights_file, clips):
    spec = f"encodec_24khz@3:weights={weights_file}"
    for data, text in [
        (b"", "The file is empty"),
        (b"RIFF\0\0\0\0WAVEfmt ", "cut off inside its header"),
        (wav_of_unknown_length(np.zeros((2, 100), np.float32), 8000), "carries mono"),
        (wav_of_unknown_length(np.zeros((1, 0), np.float32), 8000), "0 samples"),
    ]:
        error = run("encode", spec, "-", tmp_path / "out", data=data, status=1)
        assert error.count("\n") == 1
        assert text in error
    error = run("decode", spec, "-", tmp_path / "out", data=b"nonsense", status=1)
    assert "not an ECDC file" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_reader_that_has_enough_ends_the_program_quietly(weights_file, clips):
    spec = f"encodec_24khz@3:weights={weights_file}:container=rvqf"
    samples = np.tile(clips["speech_en_prompts"].numpy(), (1, 3))
    coded = registry.get_codec(spec).encode(samples, 24_000).container
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, "decode", spec, "-", "-"], input=coded, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")

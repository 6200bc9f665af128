import json
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from audiocodecs import audio, bench
from audiocodecs.__main__ import main
from audiocodecs.registry import CLASSES, parse_spec


@pytest.fixture
def clip(excerpt, tmp_path):
    path = tmp_path / "clip.wav"
    audio.write_wav(path, excerpt("music_tabla", 1.5, 44100), 44100)
    return path


@pytest.mark.parametrize(
    ("spec", "magic", "options", "rate"),
    [("opus@24", b"OggS", [], 48000), ("mp3@128", b"\xff\xfb", [], 44100), ("lyra@6", b"LYRA", ["--mono"], 44100)],
)
def test_encode_writes_the_codecs_own_file_and_decode_makes_wav_of_it(clip, tmp_path, spec, magic, options, rate):
    coded, out = tmp_path / "coded", tmp_path / "out.wav"
    assert main(["encode", *options, spec, str(clip), str(coded)]) == 0
    assert coded.read_bytes().startswith(magic)
    assert main(["decode", spec, str(coded), str(out)]) == 0
    info = soundfile.info(out)
    assert (info.format, info.subtype, info.samplerate, info.duration) == ("WAV", "PCM_16", rate, 1.5)


@pytest.mark.parametrize("spec", ["reference", "lowpass@3500", "opus@12", "mp3@64"])
def test_roundtrip_prints_what_was_measured_and_writes_a_wav_in_time(clip, tmp_path, capsys, spec):
    out = tmp_path / "out.wav"
    assert main(["roundtrip", spec, str(clip), str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["spec"] == spec
    assert found["version"]
    assert (found["rate"], found["channels"], found["samples"], found["seconds"]) == (44100, 2, 66150, 1.5)
    assert abs(found["delay_samples"]) <= 2
    assert abs(found["envelope_delay_seconds"]) < 0.002
    assert found["encode_seconds"] >= 0 <= found["decode_seconds"]
    if spec in ("reference", "lowpass@3500"):
        assert found["kbps"] is None
    else:
        nominal = float(spec.split("@")[1])
        assert 0.8 * nominal < found["kbps"] < 1.15 * nominal
        assert found["container_kbps"] > found["kbps"]
    original, written = audio.read(clip).samples, audio.read(out).samples
    assert written.shape == original.shape
    assert np.array_equal(written, original) == (spec == "reference")


@pytest.fixture
def loud(tmp_path):
    """Two seconds of float audio with a peak of 3.6."""
    path = tmp_path / "loud.wav"
    samples = np.random.default_rng(2).normal(0, 1, 96000)
    soundfile.write(path, 3.6 * samples / np.abs(samples).max(), 48000, subtype="FLOAT")
    return path


def test_roundtrip_reports_how_many_samples_it_clips(loud, clip, tmp_path, capsys):
    out = tmp_path / "out.wav"
    assert main(["roundtrip", "lowpass@7000", str(loud), str(out)]) == 0
    said = capsys.readouterr()
    written = soundfile.read(out, dtype="int16")[0]
    clipped = json.loads(said.out)["clipped_samples"]
    assert 0 < clipped <= np.count_nonzero((written == 32767) | (written == -32768)) < clipped + 20
    assert said.err == f"audiocodecs: {clipped:,} samples exceed full scale and are clipped.\n"
    assert main(["roundtrip", "lowpass@7000", str(clip), str(out)]) == 0
    said = capsys.readouterr()
    assert (json.loads(said.out)["clipped_samples"], said.err) == (0, "")


def test_decode_reports_how_many_samples_it_clips(loud, tmp_path, capsys):
    coded, out = tmp_path / "coded", tmp_path / "out.wav"
    assert main(["encode", "opus@24", str(loud), str(coded)]) == 0
    assert main(["decode", "opus@24", str(coded), str(out)]) == 0
    assert re.fullmatch(r"audiocodecs: [\d,]+ samples exceed full scale and are clipped\.\n", capsys.readouterr().err)


def test_roundtrip_reports_a_file_that_was_cut_off(clip, tmp_path, capsys):
    clip.write_bytes(clip.read_bytes()[:-88200])
    assert main(["roundtrip", "reference", str(clip), str(tmp_path / "out.wav")]) == 0
    assert "Shorter than its header claims: 1.00 s of 1.50 s are there." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["roundtrip", "opus@3", "{clip}", "{out}"], "opus@3 is not offered"),
        (["roundtrip", "ogg", "{clip}", "{out}"], "no codec 'ogg'"),
        (["roundtrip", "lyra@6", "{clip}", "{out}"], "carries mono, not stereo"),
        (["roundtrip", "opus@12", "{folder}/gone.wav", "{out}"], "gone.wav cannot be opened"),
        (["encode", "reference", "{clip}", "{out}"], "codes nothing"),
        (["encode", "opus@12", "{clip}", "{folder}/gone/out.opus"], "gone/out.opus: No such file"),
        (["decode", "opus@12", "{clip}", "{out}"], "not an Ogg file"),
        (["decode", "opus@12", "{folder}/gone.opus", "{out}"], "gone.opus: No such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_status_1(clip, tmp_path, capsys, arguments, says):
    out = tmp_path / "out"
    filled = [argument.format(clip=clip, out=out, folder=tmp_path) for argument in arguments]
    assert main(filled) == 1
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert not out.exists()


def test_list_names_every_codec_and_why_one_cannot_run(monkeypatch, capsys):
    monkeypatch.delenv("EVS_ENCODER", raising=False)
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert "EVS_ENCODER is not set" in text
    assert "opus 6 to 256" in text
    assert re.search(r"Lost packets.*: opus, .*codec2", text)
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == set(CLASSES)
    assert all(row["spec"] in text for row in rows)
    evs = next(row for row in rows if row["spec"] == "evs@9.6")
    assert (evs["available"], evs["channels"]) == (False, [1])
    assert evs["remedy"]


def test_bench_times_the_codecs_asked_for(clip, tmp_path, capsys):
    figures = tmp_path / "bench.json"
    assert main(["bench", "opus@12", "lyra@6", "--input", str(clip), "--json", str(figures)]) == 0
    text = capsys.readouterr().out
    rows = json.loads(figures.read_text())["codecs"]
    assert [row["spec"] for row in rows] == ["opus@12", "lyra@6"]
    assert [row["channels"] for row in rows] == [2, 1]
    for row in rows:
        assert row["encode_speed"] == pytest.approx(1.5 / row["encode_seconds"])
        assert row["spec"] in text
    assert "one core and with one thread, of 1.5 s of audio" in text


@pytest.mark.slow
def test_bench_times_encodec_with_random_weights_where_the_published_ones_are_absent_and_says_so(
    clip, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    specs = ["encodec_24khz@6", "encodec_48khz@6:entropy=lm"]
    assert main(["bench", *specs, "--input", str(clip), "--json", str(tmp_path / "bench.json")]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == specs
    assert all("random weights" in line for line in lines)
    rows = json.loads((tmp_path / "bench.json").read_text())["codecs"]
    assert [row["kbps"] for row in rows] == [None, None]
    assert all(row["encode_seconds"] > 0 and "random weights" in row["note"] for row in rows)


def test_bench_times_each_codec_once_and_says_what_is_missing(capsys, monkeypatch):
    monkeypatch.setattr(bench, "SPECS", ("opus@12", "evs@9.6", "mp3@64"))
    monkeypatch.delenv("EVS_ENCODER", raising=False)
    assert main(["bench"]) == 0
    text = capsys.readouterr().out
    assert "Without evs@9.6: EVS_ENCODER is not set" in text
    assert [line.split()[0] for line in text.splitlines()[2:4]] == ["opus@12", "mp3@64"]


def test_bench_knows_every_codec_by_default():
    assert {parse_spec(spec).name for spec in bench.SPECS} == set(CLASSES) - {"reference"}


def test_the_module_runs_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "audiocodecs", "roundtrip", "opus@12", "gone.wav", "out.wav"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr == "audiocodecs: gone.wav cannot be opened: No such file or directory.\n"


def test_fetch_has_its_own_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["fetch", "--help"])
    assert caught.value.code == 0
    assert "--dir" in capsys.readouterr().out


def test_a_codec_that_works_on_whole_clips_runs_in_a_pipe_too(clip, tmp_path):
    program = [sys.executable, "-m", "audiocodecs"]
    coded = subprocess.run(
        [*program, "encode", "opus@24", "-", "-"], input=clip.read_bytes(), capture_output=True, check=True
    ).stdout
    assert main(["encode", "opus@24", str(clip), str(tmp_path / "coded")]) == 0
    assert len(coded) == (tmp_path / "coded").stat().st_size
    sound = subprocess.run(
        [*program, "decode", "opus@24", "-", "-"], input=coded, capture_output=True, check=True
    ).stdout
    assert main(["decode", "opus@24", str(tmp_path / "coded"), str(tmp_path / "out.wav")]) == 0
    assert len(sound) == (tmp_path / "out.wav").stat().st_size

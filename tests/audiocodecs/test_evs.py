import json
import os
import stat
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from audiocodecs import audio, evs_programs
from audiocodecs.base import CodecError, CodecUnavailable, UnknownCodec
from audiocodecs.registry import get_codec, offers

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "evs"
RECORDINGS = json.loads((DATA / "recordings.json").read_text())


def adapters(recording):
    """Whether the adapter itself would choose the sample rate of the recording."""
    return recording["rate_khz"] == 16 or recording["bitrate"] >= 9600


ADAPTERS = [recording for recording in RECORDINGS if adapters(recording)]
AT_9600 = next(one for one in ADAPTERS if (one["bitrate"], one["rate_khz"]) == (9600, 32))


def program(path, text):
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """EVS_ENCODER and EVS_DECODER set to the stand-in."""
    for setting, name in (("EVS_ENCODER", "EVS_cod"), ("EVS_DECODER", "EVS_dec")):
        there = f"import sys\nsys.path.insert(0, {str(HERE)!r})\n"
        path = program(tmp_path / name, f"{there}import evs_stand_in\nsys.exit(evs_stand_in.main({name!r}))\n")
        monkeypatch.setenv(setting, str(path))
    return tmp_path


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    """misbehaving(text): both programs are the Python program `text`."""

    def make(text):
        path = program(tmp_path / "program", text)
        monkeypatch.setenv("EVS_ENCODER", str(path))
        monkeypatch.setenv("EVS_DECODER", str(path))

    return make


def clip_of(recording):
    pcm = np.frombuffer((DATA / recording["input"]).read_bytes(), "<i2")
    return (pcm[: recording["clip_samples"]] / 32768).astype(np.float32)[None]


def spec_of(recording):
    return f"evs@{recording['bitrate'] / 1000:g}"


@pytest.mark.parametrize("recording", ADAPTERS, ids=lambda r: f"{r['rate_khz']}k_{r['bitrate']}")
def test_the_recorded_exchanges_are_met_to_the_bit(stand_ins, recording):
    clip, rate = clip_of(recording), 1000 * recording["rate_khz"]
    codec = get_codec(spec_of(recording))
    encoded = codec.encode(clip, rate)
    assert encoded.container == (DATA / recording["bitstream"]).read_bytes()
    decoded, rate_back = codec.decode(encoded)
    expected = np.frombuffer((DATA / recording["decoded"]).read_bytes(), "<i2")[: clip.shape[1]]
    assert (decoded.shape, rate_back) == (clip.shape, rate)
    assert np.array_equal(np.rint(decoded[0] * 32768).astype(np.int16), expected)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda r: f"{r['rate_khz']}k_{r['bitrate']}")
def test_the_rate_is_that_of_the_frames_without_the_files_own_bytes(stand_ins, recording):
    found = get_codec(spec_of(recording)).read((DATA / recording["bitstream"]).read_bytes())
    assert len(found.payload) * 8 / (recording["frames"] / 50) == recording["payload_bps"]
    assert len(found.container) - len(found.payload) == 16 + recording["frames"]


def test_the_rate_of_a_clip_counts_the_frame_appended(stand_ins):
    recording = AT_9600
    encoded = get_codec("evs@9.6").encode(clip_of(recording), 32000)
    assert encoded.kbps == pytest.approx(9.6 * 96640 / 95863)


def test_a_file_is_decoded_without_what_the_encoder_knew(stand_ins):
    recording = AT_9600
    codec = get_codec("evs@9.6")
    decoded, rate = codec.decode(codec.read((DATA / recording["bitstream"]).read_bytes()))
    expected = np.frombuffer((DATA / recording["decoded"]).read_bytes(), "<i2")
    assert rate == 32000
    assert np.array_equal(np.rint(decoded[0] * 32768).astype(np.int16), expected)


def test_a_clip_of_whole_frames_gets_one_more(stand_ins):
    codec = get_codec("evs@9.6")
    with pytest.raises(
        CodecError, match="with these 3840 bytes"
    ):  # 2 frames of audio and one of silence, 640 samples each
        codec.encode(noise(1280), 32000)
    with pytest.raises(CodecError, match="-q -mime 7200 16 with these 1280 bytes"):
        get_codec("evs@7.2").encode(noise(1), 16000)


def noise(n):
    return (0.1 * np.random.default_rng(5).standard_normal((1, n))).astype(np.float32)


@pytest.mark.parametrize(
    ("spec", "bandwidth", "rate", "khz"),
    [
        *(("evs@7.2", 24000, 48000, 16), ("evs@8", 24000, 48000, 16)),
        *(("evs@9.6", 24000, 48000, 32), ("evs@13.2", 24000, 44100, 32), ("evs@13.2", 8000, 16000, 16)),
        *(("evs@16.4", 24000, 48000, 48), ("evs@32", 22050, 44100, 48), ("evs@32", 12000, 24000, 32)),
        *(("evs@13.2", 8000, 48000, 16), ("evs@24.4", 12000, 48000, 32)),
    ],
)
def test_the_programs_get_the_lowest_rate_that_carries_the_clip(stand_ins, spec, bandwidth, rate, khz):
    clip = audio.resample(audio.resample(noise(48000), 48000, 2 * bandwidth), 2 * bandwidth, rate)
    bitrate = round(1000 * float(spec[4:]))
    with pytest.raises(CodecError, match=f"-mime {bitrate} {khz} with"):
        get_codec(spec).encode(clip, rate)


def test_lost_frames_reach_the_decoder_as_lost(stand_ins):
    data = (DATA / AT_9600["bitstream"]).read_bytes()
    codec = get_codec("evs@9.6:loss=20")
    frames = AT_9600["frames"]
    lost = codec.lost(frames)
    whole = data[16:]
    size = len(whole) // frames
    sent = [b"\x0e" if lost[at] else whole[at * size : (at + 1) * size] for at in range(frames)]
    arrived = data[:16] + b"".join(sent)
    with pytest.raises(CodecError, match=f"-q -mime 32 with these {len(arrived)} bytes"):
        codec.decode(codec.read(data))


def test_without_the_programs_evs_is_unavailable_and_says_what_to_do(monkeypatch):
    monkeypatch.delenv("EVS_ENCODER", raising=False)
    monkeypatch.delenv("EVS_DECODER", raising=False)
    with pytest.raises(CodecUnavailable, match="EVS_ENCODER is not set") as caught:
        get_codec("evs@9.6")
    for word in ("TS 26.443", "EVS_ENCODER", "EVS_DECODER"):
        assert word in caught.value.remedy


def test_a_setting_that_names_no_program_is_named(stand_ins, monkeypatch):
    monkeypatch.setenv("EVS_DECODER", str(stand_ins / "gone"))
    with pytest.raises(CodecUnavailable, match="EVS_DECODER is set to .*gone"):
        get_codec("evs@9.6")
    (stand_ins / "text").write_text("no program")
    monkeypatch.setenv("EVS_DECODER", str(stand_ins / "text"))
    with pytest.raises(CodecUnavailable, match="no program that can be run"):
        get_codec("evs@9.6")


def test_a_program_found_by_its_name_on_the_path_is_used(stand_ins, monkeypatch):
    monkeypatch.setenv("PATH", f"{stand_ins}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("EVS_ENCODER", "EVS_cod")
    assert get_codec("evs@9.6").encode(clip_of(AT_9600), 32000).payload


def test_evs_is_offered_as_soon_as_the_programs_are_there(stand_ins):
    found = [offer for offer in offers() if offer.name == "evs"]
    assert found
    assert all(offer.available for offer in found)
    assert 5.9 not in {offer.value for offer in found}


@pytest.mark.parametrize("spec", ["evs@5.9", "evs@9.7", "evs", "evs@9.6:dtx=1"])
def test_a_value_or_option_that_is_not_there_is_refused(stand_ins, spec):
    with pytest.raises(UnknownCodec):
        get_codec(spec)


def test_the_version_changes_with_a_program(stand_ins):
    before = get_codec("evs@9.6").version
    with (stand_ins / "EVS_dec").open("a") as file:
        file.write("# another build\n")
    after = get_codec("evs@9.6").version
    assert before != after
    assert before.split(",")[0] == after.split(",")[0]


def test_what_a_failing_program_said_is_in_the_error(misbehaving):
    misbehaving(
        "import sys\nprint('reading')\nprint('Error: bitrate 9600 not supported', file=sys.stderr)\nsys.exit(3)\n"
    )
    with pytest.raises(CodecError, match=r"EVS_ENCODER ended with 3\. It said: .*Error: bitrate 9600 not supported"):
        get_codec("evs@9.6").encode(np.zeros((1, 4800), np.float32), 48000)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "wrote no file"),
        ("import sys; open(sys.argv[-1], 'wb')", "not an EVS file"),
        ("import sys; open(sys.argv[-1], 'wb').write(b'garbage' * 99)", "not an EVS file"),
        (
            "import sys; open(sys.argv[-1], 'wb').write(b'#!EVS_MC1.0\\n\\0\\0\\0\\1' + b'\\3' + bytes(24))",
            "1 frames where 6",
        ),
        ("import os; os.kill(os.getpid(), 11)", "ended with -11"),
    ],
)
def test_a_program_that_writes_nothing_or_garbage_is_an_error(misbehaving, text, says):
    misbehaving(text)
    with pytest.raises(CodecError, match=says):
        get_codec("evs@9.6").encode(np.zeros((1, 4800), np.float32), 48000)


def test_a_decoder_that_writes_too_little_is_an_error(misbehaving):
    misbehaving("import sys; open(sys.argv[-1], 'wb').write(bytes(100))")
    codec = get_codec("evs@9.6")
    encoded = codec.read((DATA / AT_9600["bitstream"]).read_bytes())
    with pytest.raises(CodecError, match="EVS_DECODER wrote 50 samples where 96640 were due"):
        codec.decode(encoded)


def test_a_program_that_hangs_is_ended_with_all_it_started(misbehaving, tmp_path):
    beat = tmp_path / "beat"
    started = f"import time\nwhile True:\n    open({str(beat)!r}, 'a').write('x')\n    time.sleep(0.02)\n"
    misbehaving(
        f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {started!r}])\n"
        "print('searching for ever', flush=True)\ntime.sleep(600)\n"
    )
    with pytest.raises(CodecError, match=r"EVS_ENCODER did not end within 2 s\. It said: searching for ever"):
        evs_programs.run("EVS_ENCODER", ["9600", "32"], b"", patience=2)
    size = beat.stat().st_size
    time.sleep(0.2)
    assert beat.stat().st_size == size


def test_nothing_is_left_in_the_temporary_folder(stand_ins, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    codec = get_codec("evs@9.6")
    codec.decode(codec.encode(clip_of(AT_9600), 32000))
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("length", [0, 10, 16, 17, 30, 3790])
def test_a_file_cut_off_is_refused(stand_ins, length):
    with pytest.raises(CodecError):
        get_codec("evs@9.6").read((DATA / "evs_32k_9600.evs").read_bytes()[:length])


def test_a_file_that_is_no_evs_is_refused(stand_ins):
    data = (DATA / "evs_32k_9600.evs").read_bytes()
    for damaged in (
        b"Dear raters, " * 100,
        b"#!AMR\n" + data,
        data[:16] + b"\xff" + data[17:],
        data[:15] + b"\2" + data[16:],
    ):
        with pytest.raises(CodecError):
            get_codec("evs@9.6").read(damaged)


def test_a_file_of_endless_empty_frames_is_refused(stand_ins):
    with pytest.raises(CodecError, match="longer than 3600 s"):
        get_codec("evs@9.6").read((DATA / "evs_32k_9600.evs").read_bytes()[:16] + b"\x0f" * 200_000)

import os
import subprocess
import sys

import pytest

from audiocodecs import registry
from audiocodecs.base import CodecUnavailable, Spec, UnknownCodec
from audiocodecs.registry import CLASSES, codec_class, get_codec, offers, parse_spec, resolve


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("reference", Spec("reference")),
        ("lowpass@3500", Spec("lowpass", 3500)),
        ("lyra@3.2", Spec("lyra", 3.2)),
        (" opus@12 ", Spec("opus", 12)),
        ("opus@12:application=voip", Spec("opus", 12, (("application", "voip"),))),
        (
            "encodec_24khz@6:weights=a/b.th:entropy=lm",
            Spec("encodec_24khz", 6, (("entropy", "lm"), ("weights", "a/b.th"))),
        ),
    ],
)
def test_a_spec_is_read_and_written_back(text, spec):
    assert parse_spec(text) == spec
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@6",
        "opus@",
        "opus@six",
        "opus@-6",
        "opus@6:",
        "opus@6:voip",
        "opus@6 mp3@64",
        "Opus@6",
        "opus@6:application=audio:application=voip",
        "opus@٦",
    ],
)
def test_what_is_no_spec_is_refused(text):
    with pytest.raises(UnknownCodec):
        get_codec(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ogg@6", "no codec 'ogg'.*opus"),
        ("opus@5", "opus@5 is not offered. Opus has any rate from 6 to 256 kbps: write for example opus@6"),
        ("mp3@65", "mp3@65 is not offered. MP3 has 32, 48, 64.*write for example mp3@32"),
        ("opus", "not offered"),
        ("reference@6", "takes no value"),
        ("opus@6:speed=1", "no option 'speed'.*application"),
        ("opus@6:application=tv", "application=tv is not offered.*audio, voip"),
        ("lowpass@3500:order=2", "no option 'order'.*none"),
    ],
)
def test_what_a_codec_does_not_have_is_refused_with_what_it_has(text, says):
    with pytest.raises(UnknownCodec, match=says):
        get_codec(text)


@pytest.mark.parametrize(
    "name",
    [
        *("reference", "lowpass", "opus", "mp3", "aac", "vorbis", "g722", "amrnb"),
        *("lyra", "lc3", "codec2", "speex", "amrwb", "evs"),
    ],
)
def test_every_name_leads_to_the_codec_of_that_name(name):
    cls = codec_class(name)
    assert cls.name == name
    assert cls.title


def test_every_value_is_offered_and_evs_says_why_it_cannot_run(monkeypatch):
    monkeypatch.delenv("EVS_ENCODER", raising=False)
    found = {offer.spec: offer for offer in offers()}
    designed = ("opus@6", "mp3@64", "aac@64", "vorbis@64", "g722@64", "amrnb@12.2", "lc3@32", "codec2@1.3")
    for spec in ("reference", "lowpass@3500", "lowpass@7000", *designed, "lyra@6"):
        assert found[spec].available, found[spec].reason
    assert not found["evs@9.6"].available
    assert "EVS_ENCODER" in found["evs@9.6"].reason
    assert found["evs@9.6"].remedy
    assert {offer.name for offer in found.values()} == set(CLASSES)
    assert found["lyra@6"].channels == {1}


def test_the_neural_codec_becomes_one_that_is_there_under_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    assert parse_spec(resolve("neural@6")).name == "spectral_24khz"
    with pytest.raises(CodecUnavailable):
        get_codec("encodec_24khz@6:weights=published")


def test_the_neural_codec_for_stereo_is_another(tmp_path, monkeypatch):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    monkeypatch.setitem(registry.NEURAL_CODECS, 2, ("encodec_48khz", "opus"))  # Opus in place of a second neural one
    assert resolve("neural@6", channels=2) == "opus@6"
    monkeypatch.setitem(registry.NEURAL_CODECS, 2, ("encodec_48khz",))
    with pytest.raises(CodecUnavailable, match="encodec_48khz-7e698e3e"):
        resolve("neural@6", channels=2)


def test_the_command_line_and_the_codecs_without_a_network_load_without_torch():
    program = (
        "import sys, audiocodecs.__main__, audiocodecs.metrics\n"
        "from audiocodecs.registry import get_codec\n"
        "specs = ('reference', 'lowpass@3500', 'opus@6', 'mp3@64', 'aac@64', 'vorbis@64', 'g722@64', 'lyra@6')\n"
        "for spec in (*specs, 'lc3@32', 'codec2@1.3'): get_codec(spec)\n"
        "print([name for name in ('torch', 'django', 'visqol', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_threads_that_wait_leave_the_core_to_others():
    code = "import os, audiocodecs; print(os.environ['OMP_WAIT_POLICY'])"
    for given, wanted in (({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active")):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | given
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == wanted

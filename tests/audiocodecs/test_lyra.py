import hashlib
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

from audiocodecs import audio, lyra_runtime, metrics
from audiocodecs.base import CodecError, CodecUnavailable, UnknownCodec
from audiocodecs.registry import get_codec

SIZES = {"lyra@3.2": 8, "lyra@6": 15, "lyra@9.2": 23}


@pytest.mark.parametrize(("spec", "size"), SIZES.items())
def test_the_rate_is_exact_and_the_packets_are_of_the_published_size(excerpt, spec, size):
    encoded = get_codec(spec).encode(excerpt("speech_en_prompts", 2), 48000)
    assert len(encoded.payload) == 100 * size
    assert encoded.kbps == pytest.approx(float(spec[5:]), abs=1e-9)


@pytest.mark.parametrize("spec", SIZES)
@pytest.mark.parametrize("name", ["speech_en_prompts", "speech_ga_words", "speech_noisy_da"])
def test_decoded_lyra_is_in_time_with_its_clip(excerpt, spec, name):
    clip = excerpt(name, 4)[:, :-77]
    codec = get_codec(spec)
    decoded, rate = codec.decode(codec.encode(clip, 48000))
    assert (decoded.shape, rate) == (clip.shape, 48000)
    assert abs(audio.envelope_lag(clip, decoded, 48000)) <= 0.002
    assert audio.loudness(decoded, 48000) == pytest.approx(audio.loudness(clip, 48000), abs=3)


def test_speech_comes_out_close_to_itself_and_closer_with_more_bits(excerpt):
    clip = excerpt("speech_en_prompts", 3, 16000)
    distances = []
    for spec in SIZES:
        codec = get_codec(spec)
        decoded, _ = codec.decode(codec.encode(clip, 16000))
        distances.append(metrics.measure("log_mel_distance", clip, decoded, 16000))
    assert 4 > distances[0] > distances[1] > distances[2]  # 6.6 and 4.5 dB where missing indices are taken for 0


def test_the_first_bytes_of_a_large_packet_are_the_small_packet(excerpt):
    clip = excerpt("speech_en_prompts", 2)
    payload = {spec: get_codec(spec).encode(clip, 48000).payload for spec in SIZES}
    large = np.frombuffer(payload["lyra@9.2"], np.uint8).reshape(-1, 23)
    assert np.array_equal(large[:, :8], np.frombuffer(payload["lyra@3.2"], np.uint8).reshape(-1, 8))
    assert np.array_equal(large[:, :15], np.frombuffer(payload["lyra@6"], np.uint8).reshape(-1, 15))


def test_nothing_of_one_clip_is_heard_in_the_next(excerpt):
    first, second = excerpt("speech_en_prompts", 1), excerpt("music_metal", 1)[:1]
    codec = get_codec("lyra@6")
    alone = codec.encode(first, 48000)
    heard_alone = codec.decode(alone)[0]
    codec.decode(codec.encode(second, 48000))
    again = codec.encode(first, 48000)
    assert again.payload == alone.payload
    assert np.array_equal(codec.decode(again)[0], heard_alone)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
@pytest.mark.parametrize("n", [1, 319, 12345])
def test_any_rate_and_length_comes_back_exactly_also_from_the_file(rate, n):
    clip = (0.1 * np.random.default_rng(0).standard_normal((1, n))).astype(np.float32)
    codec = get_codec("lyra@6")
    encoded = codec.encode(clip, rate)
    found = codec.read(encoded.container)
    assert found == encoded
    decoded, rate_back = codec.decode(found)
    assert (decoded.shape, rate_back) == (clip.shape, rate)


def test_stereo_is_refused(excerpt):
    with pytest.raises(CodecError, match="carries mono"):
        get_codec("lyra@6").encode(excerpt("music_tabla", 1), 48000)


def test_a_value_that_is_not_there_is_refused():
    with pytest.raises(UnknownCodec, match=r"Lyra v2 has 3\.2, 6, 9\.2: write for example lyra@3\.2"):
        get_codec("lyra@3")


def test_the_files_in_the_package_are_the_published_ones():
    for name, sha256 in lyra_runtime.SHA256.items():
        path = lyra_runtime.folder() / f"{name}.tflite"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    assert "Apache License" in (lyra_runtime.folder() / "LICENSE").read_text()


def test_another_folder_of_model_files_is_used(tmp_path, monkeypatch, excerpt):
    clip = excerpt("speech_en_prompts", 1)
    expected = get_codec("lyra@6").encode(clip, 48000)
    shutil.copytree(lyra_runtime.folder(), tmp_path / "models")
    monkeypatch.setenv("LYRA_MODEL_DIR", str(tmp_path / "models"))
    assert lyra_runtime.folder() == tmp_path / "models"
    assert get_codec("lyra@6").encode(clip, 48000) == expected


def test_a_missing_or_changed_model_file_makes_lyra_unavailable_and_is_named(tmp_path, monkeypatch):
    shutil.copytree(lyra_runtime.folder(), tmp_path / "models")
    monkeypatch.setenv("LYRA_MODEL_DIR", str(tmp_path / "models"))
    get_codec("lyra@6")
    changed = tmp_path / "models" / "quantizer.tflite"
    data = bytearray(changed.read_bytes())
    data[1000] ^= 1
    changed.write_bytes(bytes(data))
    with pytest.raises(CodecUnavailable, match=r"quantizer\.tflite is not the published one") as caught:
        get_codec("lyra@6")
    assert "LYRA_MODEL_DIR" in caught.value.remedy
    changed.unlink()
    with pytest.raises(CodecUnavailable, match=r"quantizer\.tflite cannot be read: No such file"):
        get_codec("lyra@6")


def test_the_runtime_prints_nothing():
    program = (
        "import numpy as np; from audiocodecs.registry import get_codec; codec = get_codec('lyra@6');"
        "codec.decode(codec.encode(np.ones((1, 640), np.float32), 16000))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def file(excerpt):
    return get_codec("lyra@6").encode(excerpt("speech_en_prompts", 1), 48000).container


@pytest.mark.parametrize("length", [0, 3, 10, 21, 22, 100, -1])
def test_a_file_cut_off_is_refused(file, length):
    with pytest.raises(CodecError):
        get_codec("lyra@6").read(file[:length])


@pytest.mark.parametrize("place", [0, 4, 5, 6, 9, 10, 17, 18, 25, -1])
def test_a_file_with_a_wrong_bit_is_refused(file, place):
    damaged = bytearray(file)
    damaged[place] ^= 64
    with pytest.raises(CodecError):
        get_codec("lyra@6").read(bytes(damaged))


def test_a_forged_length_is_refused(file):
    forged = bytearray(file)
    struct.pack_into("<Q", forged, 10, 1 << 60)
    with pytest.raises(CodecError, match="longer than 3600 s"):
        get_codec("lyra@6").read(bytes(forged))

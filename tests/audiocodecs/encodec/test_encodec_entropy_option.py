"""`:entropy=lm` in both containers, with the published weights' language model and with one's own."""

import numpy as np
import pytest
import torch

from audiocodecs import registry, rvqf
from audiocodecs.base import CodecError, CodecUnavailable, Spec, UnknownCodec
from audiocodecs.encodec.checkpoints import Checkpoint, sha256
from audiocodecs.encodec.entropy.exact_weights import save_weights
from audiocodecs.encodec.entropy.language_model import LanguageModel
from audiocodecs.encodec.entropy.settings import PUBLISHED_24KHZ, PUBLISHED_48KHZ, LanguageModelSettings

LM = (("entropy", "lm"),)
LM_ECDC = (("container", "ecdc"), ("entropy", "lm"))


def language_model(settings, seed=5):
    torch.manual_seed(seed)
    model = LanguageModel(settings)
    with torch.no_grad():
        for linear in model.linears:
            linear.weight *= 6  # sure of itself, if not right
    return model.eval()


@pytest.fixture(scope="module")
def language_files(tmp_path_factory):
    """Random language models in the published layout, by rate."""
    folder = tmp_path_factory.mktemp("language")
    for rate, settings in (("24khz", PUBLISHED_24KHZ), ("48khz", PUBLISHED_48KHZ)):
        torch.save(language_model(settings).state_dict(), folder / f"encodec_lm_{rate}.th")
    return folder


@pytest.fixture(params=["24 kHz", pytest.param("48 kHz", marks=pytest.mark.slow)])
def coded(request, language_files, weights_file, weights_file_48, clips, stereo_clips, tmp_path, monkeypatch):
    """The class with its language model as if published, a short clip, its rate."""
    if request.param == "24 kHz":
        published, samples, rate = "published", clips["speech_en_prompts"].numpy()[:, 24_000:32_001], 24_000
    else:
        published, samples, rate = "published_48", stereo_clips["music_guitar"].numpy()[:, 48_000:100_001], 48_000
    cls = request.getfixturevalue(published)
    source = language_files / f"encodec_lm_{cls.name[-5:]}.th"
    (tmp_path / source.name).symlink_to(source)
    weights = weights_file if rate == 24_000 else weights_file_48
    (tmp_path / weights.name).symlink_to(weights)
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    cls.language_checkpoint = Checkpoint(source.stem, source.name, sha256(source)[:8], source.stat().st_size)
    return cls, samples, rate


@pytest.mark.parametrize(
    ("options", "magic"), [(LM, b"RVQF"), pytest.param(LM_ECDC, b"ECDC", marks=pytest.mark.slow)], ids=["RVQF", "ECDC"]
)
def test_entropy_coding_changes_the_bytes_and_not_the_sound(coded, options, magic):
    cls, samples, rate = coded
    plain, codec = cls.parse(Spec(cls.name, 3.0)), cls.parse(Spec(cls.name, 3.0, options))
    encoded, expected = codec.encode(samples, rate), plain.encode(samples, rate)
    assert encoded.container.startswith(magic)
    assert encoded.payload != expected.payload
    # Whatever the bitrate or options of the one that decodes: the file says what it needs.
    for reader in (codec, plain):
        np.testing.assert_array_equal(reader.decode(reader.read(encoded.container))[0], plain.decode(expected)[0])


@pytest.mark.parametrize("coded", ["24 kHz"], indirect=True)  # at 48 kHz: entropy/test_ecdc_with_language_model.py
def test_ecdc_files_are_those_of_the_package(package, theirs, coded, monkeypatch):
    cls, samples, rate = coded
    lm = package.model.LMModel(32, 1024, num_layers=5, dim=200, past_context=262).eval()
    lm.load_state_dict(language_model(PUBLISHED_24KHZ).state_dict())
    monkeypatch.setattr(theirs, "get_lm_model", lambda: lm, raising=False)
    monkeypatch.setitem(package.compress.__globals__["MODELS"], theirs.name, lambda: theirs)
    codec = cls.parse(Spec(cls.name, 1.5, LM_ECDC))
    encoded = codec.encode(samples, rate)
    theirs.set_target_bandwidth(1.5)
    assert package.compress(theirs, torch.from_numpy(samples), use_lm=True) == encoded.container
    sound, _ = package.decompress(encoded.container)
    assert abs(sound.numpy() - codec.decode(encoded)[0]).max() < 1e-4


def test_specs_say_what_differs_from_the_usual(coded):
    cls, _, _ = coded
    for options, text in [
        ((), ":weights=published"),
        ((("entropy", "none"), ("container", "ecdc")), ":weights=published"),
        ((("container", "rvqf"),), ":container=rvqf:weights=published"),
        (LM, ":entropy=lm:weights=published"),
        ((*LM, ("container", "rvqf")), ":entropy=lm:weights=published"),
        (LM_ECDC, ":container=ecdc:entropy=lm:weights=published"),
    ]:
        codec = cls.parse(Spec(cls.name, 6.0, options))
        assert str(codec.spec) == f"{cls.name}@6{text}"
        assert str(cls.parse(codec.spec).spec) == str(codec.spec)
        assert ("language model" in codec.version) == ("entropy=lm" in text)


def test_without_the_language_model_it_says_what_to_do(published, weights_file, tmp_path):
    with pytest.raises(CodecUnavailable, match="encodec_lm_24khz-1608e3c0.th") as caught:
        published.parse(Spec(published.name, 6.0, LM))
    assert "make models" in caught.value.remedy
    (tmp_path / "own.th").hardlink_to(weights_file)
    with pytest.raises(CodecUnavailable, match=r"no language model for the weights own.th.*own.lm.safetensors"):
        registry.get_codec(f"encodec_24khz@6:entropy=lm:weights={tmp_path / 'own.th'}")
    with pytest.raises(UnknownCodec, match="entropy=yes is not offered"):
        registry.get_codec(f"encodec_24khz@6:entropy=yes:weights={tmp_path / 'own.th'}")


def test_ones_own_weights_have_their_language_model_beside_them(weights_file, tmp_path, short):
    (tmp_path / "own.th").hardlink_to(weights_file)
    small = LanguageModelSettings(8, dim=32, layers=1, heads=2, hidden=64, within_frame=True)
    state = {name: value.numpy() for name, value in language_model(small).state_dict().items()}
    save_weights(tmp_path / "own.lm.safetensors", small, state, {})
    spec = f"encodec_24khz@3:weights={tmp_path / 'own.th'}:entropy=lm"
    codec = registry.get_codec(spec)
    encoded = codec.encode(short, 24_000)
    assert rvqf.read_header(encoded.container).language_model == rvqf.prefix(sha256(tmp_path / "own.lm.safetensors"))
    plain = registry.get_codec(f"encodec_24khz@3:weights={tmp_path / 'own.th'}")
    np.testing.assert_array_equal(
        codec.decode(codec.read(encoded.container))[0], plain.decode(plain.encode(short, 24_000))[0]
    )
    with pytest.raises(CodecUnavailable, match=r"whole numbers.*container=rvqf"):
        registry.get_codec(spec + ":container=ecdc")

    # The same weights beside another language model: an error, not noise.
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "own.th").hardlink_to(weights_file)
    other = {name: value.numpy() for name, value in language_model(small, seed=6).state_dict().items()}
    save_weights(tmp_path / "other" / "own.lm.safetensors", small, other, {})
    with pytest.raises(CodecError, match="needs the language model"):
        registry.get_codec(spec.replace("own.th", "other/own.th")).decode(encoded)

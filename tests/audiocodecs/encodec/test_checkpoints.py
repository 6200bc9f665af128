import os
import pickle
import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from audiocodecs.base import CodecUnavailable
from audiocodecs.encodec import checkpoints
from audiocodecs.encodec.checkpoints import PUBLISHED, Checkpoint
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel


@pytest.fixture(scope="module")
def small_state():
    """Weights with a quarter of the filters."""
    torch.manual_seed(1)
    return EncodecModel(replace(ENCODEC_24KHZ, filters=8)).state_dict()


@pytest.mark.parametrize("name", ["encodec_24khz", "encodec_48khz", "encodec_lm_24khz", "encodec_lm_48khz"])
def test_the_published_files_are_known_by_their_hashes(name):
    checkpoint = PUBLISHED[name]
    assert (checkpoint.name, checkpoint.file) == (name, f"{name}-{checkpoint.sha256}.th")
    assert len(checkpoint.sha256) == 8


def test_weights_with_fewer_filters_load_as_what_they_are(tmp_path, clips):
    for settings in (ENCODEC_24KHZ, ENCODEC_48KHZ):
        small = EncodecModel(replace(settings, filters=8))
        torch.save({name: value.half() for name, value in small.state_dict().items()}, tmp_path / "small.th")
        assert checkpoints.require_own(tmp_path / "small.th", settings)
        model = checkpoints.load(tmp_path / "small.th", settings)
        assert model.settings.filters == 8
        fast = checkpoints.load_fast(tmp_path / "small.th", settings)
        x = clips["music_metal"][None, :, :4800].repeat(1, settings.channels, 1)
        latents = model.encode_latents(x)
        assert latents.dtype == torch.float32
        assert torch.allclose(fast.encode_latents(x), latents, rtol=1e-4, atol=1e-4 * latents.std())


def test_the_folder_is_encodec_model_dir_or_models_under_var(monkeypatch, tmp_path):
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path / "own"))
    assert checkpoints.model_dir() == tmp_path / "own"
    monkeypatch.delenv("ENCODEC_MODEL_DIR")
    assert checkpoints.model_dir() == tmp_path / "var" / "models"
    monkeypatch.delenv("VAR_DIR")
    assert checkpoints.model_dir() == Path(__file__).resolve().parents[3] / "var" / "models"


def test_a_checkpoint_is_present_absent_or_damaged(published, tmp_path):
    assert checkpoints.status(published.checkpoint).state == "present"
    absent = checkpoints.status(published.checkpoint, tmp_path)
    assert (absent.state, "make models" in absent.remedy) == ("absent", True)
    (tmp_path / published.checkpoint.file).write_bytes(b"half of it")
    damaged = checkpoints.status(published.checkpoint, tmp_path)
    assert damaged.state == "damaged"
    assert published.checkpoint.sha256 in damaged.reason
    assert "Delete it" in damaged.remedy


def test_damage_after_a_first_look_is_noticed(published, tmp_path, weights_file):
    path = tmp_path / published.checkpoint.file
    path.write_bytes(weights_file.read_bytes())
    assert checkpoints.status(published.checkpoint, tmp_path).state == "present"
    with path.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    assert checkpoints.status(published.checkpoint, tmp_path).state == "damaged"


def test_a_file_in_the_published_layout_loads_once_for_all_threads(weights_file):
    found = []
    threads = [threading.Thread(target=lambda: found.append(checkpoints.load(weights_file))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(model) for model in found}) == 1
    assert not any(parameter.requires_grad for parameter in found[0].parameters())


def test_a_changed_file_is_loaded_again(small_state, tmp_path):
    path = tmp_path / "own.th"
    state = dict(small_state)
    torch.save(state, path)
    first = checkpoints.load(path)
    state["encoder.model.0.conv.conv.bias"] = torch.ones(8)
    torch.save(state, path)
    os.utime(path, ns=(1, 1))
    second = checkpoints.load(path)
    assert not torch.equal(first.encoder.model[0].conv.conv.bias, second.encoder.model[0].conv.conv.bias)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("bomb",)


def without(state, key):
    return OrderedDict((name, value) for name, value in state.items() if name != key)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda state: without(state, "decoder.model.1.lstm.bias_hh_l1"), "1 entries are missing, .*bias_hh_l1"),
        (lambda state: {**state, "extra": torch.zeros(1)}, "1 entries are unknown, .*extra"),
        (lambda state: {**state, "encoder.model.0.conv.conv.bias": torch.zeros(16)}, r"\(16,\), not \(32,\)"),
        (lambda state: {"best_state": state}, "not a plain state dict"),
        (lambda state: [1, 2], "not a plain state dict"),
    ],
)
def test_a_file_of_another_layout_is_refused_by_name(theirs, tmp_path, change, text):
    torch.save(change(theirs.state_dict()), tmp_path / "own.th")
    with pytest.raises(CodecUnavailable, match=text):
        checkpoints.require_own(tmp_path / "own.th")


@pytest.mark.parametrize("data", [b"", b"not weights", b"PK\x03\x04 broken zip", b"\x80\x02broken pickle"])
def test_a_file_that_is_not_weights_is_refused(tmp_path, data):
    (tmp_path / "own.th").write_bytes(data)
    with pytest.raises(CodecUnavailable, match="cannot be read as PyTorch weights"):
        checkpoints.require_own(tmp_path / "own.th")
    with pytest.raises(CodecUnavailable):
        checkpoints.load(tmp_path / "own.th")


def test_a_file_with_code_in_it_is_refused_and_the_code_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"encoder": Bomb()}, tmp_path / "zip.th")
    (tmp_path / "plain.th").write_bytes(pickle.dumps(Bomb(), protocol=2))
    for name in ("zip.th", "plain.th"):
        with pytest.raises(CodecUnavailable, match="cannot be read as PyTorch weights"):
            checkpoints.load(tmp_path / name)
    assert not (tmp_path / "bomb").exists()


def test_the_old_torch_file_layout_loads_too(small_state, tmp_path):
    torch.save(small_state, tmp_path / "old.th", _use_new_zipfile_serialization=False)
    assert checkpoints.require_own(tmp_path / "old.th")
    name = "encoder.model.0.conv.conv.bias"
    assert torch.equal(checkpoints.load(tmp_path / "old.th").state_dict()[name], small_state[name])


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(CodecUnavailable, match="no weights at"):
        checkpoints.require_own(tmp_path / "none.th")


def test_a_hash_is_checked_against_the_table(weights_file, monkeypatch):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(weights_file.parent))
    wrong = Checkpoint("encodec_24khz", weights_file.name, "00000000", 1)
    with pytest.raises(CodecUnavailable, match="damaged"):
        checkpoints.require(wrong)

"""The published `encodec` package and our model with the same random weights.

The package starts with codebooks of zeros, so that every code would be 0. Here they are
filled, layer by layer, with what is left of the latents of real clips.
"""

import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from audiocodecs import audio
from audiocodecs.encodec.checkpoints import Checkpoint, sha256
from audiocodecs.encodec.codec import Encodec24
from audiocodecs.encodec.model import EncodecModel

CLIPS = Path(__file__).parents[3] / "listening" / "demo" / "clips"
RATE = 24_000


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def package():
    """The package from PyPI. It imports torchaudio, for file formats and training, which is not there."""
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        import encodec
    finally:
        del sys.modules["torchaudio"]
    return encodec


@pytest.fixture(scope="session")
def clips():
    """Real clips, mono at 24 kHz, by name: tensors of shape (1, n)."""
    found = {}
    for path in sorted(CLIPS.glob("*.flac")):
        read = audio.read(path)
        samples = audio.resample(audio.to_channels(read.samples, 1), read.rate, RATE)
        found[path.stem] = torch.from_numpy(samples)
    assert len(found) >= 6
    return found


@pytest.fixture(scope="session")
def material(clips):
    """Ten seconds of one clip and two of every other."""
    return [clip if name == "speech_en_prompts" else clip[:, : 2 * RATE] for name, clip in clips.items()]


@pytest.fixture(scope="session")
def theirs(package, material):
    """The package's model, with weights that keep a signal alive and codebooks from real latents."""
    torch.manual_seed(20221024)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # its weight norm
        model = package.EncodecModel.encodec_model_24khz(pretrained=False)
    model.name = "encodec_24khz"  # else it refuses to write a file
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("weight_g"):
                parameter *= 1.8  # as initialised, the latents hardly move with the signal
        residual = torch.cat([model.encoder(clip[None])[0].t() for clip in material])
        for layer in model.quantizer.vq.layers:
            codebook = layer._codebook
            chosen = residual[torch.randperm(len(residual))[: codebook.codebook_size]]
            codebook.embed.copy_(chosen + 0.05 * chosen.std() * torch.randn_like(chosen))
            codebook.inited.fill_(1)
            residual = residual - codebook.decode(codebook.encode(residual))
    return model


@pytest.fixture(scope="session")
def weights_file(theirs, tmp_path_factory):
    """The weights in a file as the published one is."""
    path = tmp_path_factory.mktemp("models") / "encodec_24khz-random.th"
    torch.save(theirs.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def ours(theirs):
    model = EncodecModel()
    model.load_state_dict(theirs.state_dict())
    return model.prepare()


@pytest.fixture
def published(weights_file, monkeypatch):
    """The codec class as if that file were the published checkpoint, found through ENCODEC_MODEL_DIR."""
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(weights_file.parent))

    class Published(Encodec24):
        checkpoint = Checkpoint(
            Encodec24.name, weights_file.name, sha256(weights_file)[:8], weights_file.stat().st_size
        )

    return Published


@pytest.fixture(scope="session")
def short(clips):
    """1.2 seconds of speech, float32 (1, n)."""
    return np.ascontiguousarray(clips["speech_en_prompts"][:, RATE : RATE + 28_800].numpy())

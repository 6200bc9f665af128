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
from audiocodecs.encodec.codec import Encodec24, Encodec48
from audiocodecs.encodec.fast import FastEncodec
from audiocodecs.encodec.model import ENCODEC_48KHZ, EncodecModel

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
def stereo_clips():
    """Real clips at 48 kHz, stereo, by name: tensors of shape (2, n)."""
    found = {}
    for path in sorted(CLIPS.glob("music_*.flac")):
        read = audio.read(path)
        found[path.stem] = torch.from_numpy(audio.to_channels(audio.resample(read.samples, read.rate, 48_000), 2))
    assert len(found) >= 6
    return found


@pytest.fixture(scope="session")
def material(clips):
    """Ten seconds of one clip and two of every other."""
    return [clip if name == "speech_en_prompts" else clip[:, : 2 * RATE] for name, clip in clips.items()]


def fill_codebooks(model, latents):
    """Codebooks that each take a little of what is left of the latents (frames, 128), as trained ones do.

    Were they to leave much less, the last codebooks would code rounding errors.
    """
    residual = latents
    for layer in model.quantizer.vq.layers:
        codebook = layer._codebook
        chosen = residual[torch.randint(len(residual), (codebook.codebook_size,))]
        codebook.embed.copy_(0.3 * chosen + 0.15 * chosen.std() * torch.randn_like(chosen))
        codebook.inited.fill_(1)
        residual = residual - codebook.decode(codebook.encode(residual))


@pytest.fixture(scope="session")
def theirs_and_latents(package, material):
    """The package's model, with weights that keep a signal alive and codebooks from real latents; those latents."""
    torch.manual_seed(20221024)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # its weight norm
        model = package.EncodecModel.encodec_model_24khz(pretrained=False)
    model.name = "encodec_24khz"  # else it refuses to write a file
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("weight_g"):
                parameter *= 1.8  # as initialised, the latents hardly move with the signal
        latents = torch.cat([model.encoder(clip[None])[0].t() for clip in material])
        fill_codebooks(model, latents)
    return model, latents


@pytest.fixture(scope="session")
def theirs(theirs_and_latents):
    return theirs_and_latents[0]


@pytest.fixture(scope="session")
def theirs_48(package, stereo_clips):
    """The package's model of 48 kHz, likewise, its group norms no longer as initialised."""
    torch.manual_seed(20221025)
    model = package.EncodecModel.encodec_model_48khz(pretrained=False)
    model.name = "encodec_48khz"
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.GroupNorm):
                module.weight.mul_(1 + 0.2 * torch.randn_like(module.weight))
                module.bias.add_(0.1 * torch.randn_like(module.bias))
        seconds = [clip[None, :, start : start + 48_000] for clip in stereo_clips.values() for start in (0, 96_000)]
        fill_codebooks(model, torch.cat([model.encoder(x / (1e-8 + x.mean(1).std()))[0].t() for x in seconds]))
    return model


@pytest.fixture(scope="session")
def weights_file(theirs, tmp_path_factory):
    """The weights in a file as the published one is."""
    path = tmp_path_factory.mktemp("models") / "encodec_24khz-random.th"
    torch.save(theirs.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def weights_file_48(theirs_48, weights_file):
    """Those of the 48 kHz model in the same folder."""
    path = weights_file.parent / "encodec_48khz-random.th"
    torch.save(theirs_48.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def ours(theirs):
    model = EncodecModel()
    model.load_state_dict(theirs.state_dict())
    return model.prepare()


@pytest.fixture(scope="session")
def fast(ours):
    return FastEncodec.of(ours)


@pytest.fixture(scope="session")
def fast_48(theirs_48):
    model = EncodecModel(ENCODEC_48KHZ)
    model.load_state_dict(theirs_48.state_dict())
    return FastEncodec.of(model.prepare())


@pytest.fixture
def published(weights_file, monkeypatch):
    """The codec class as if that file were the published checkpoint, found through ENCODEC_MODEL_DIR."""
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(weights_file.parent))

    class Published(Encodec24):
        checkpoint = _checkpoint(Encodec24.name, weights_file)

    return Published


@pytest.fixture
def published_48(weights_file_48, monkeypatch):
    """The class of the 48 kHz codec, likewise."""
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(weights_file_48.parent))

    class Published48(Encodec48):
        checkpoint = _checkpoint(Encodec48.name, weights_file_48)

    return Published48


def _checkpoint(name, path):
    return Checkpoint(name, path.name, sha256(path)[:8], path.stat().st_size)


@pytest.fixture(scope="session")
def short(clips):
    """1.2 seconds of speech, float32 (1, n)."""
    return np.ascontiguousarray(clips["speech_en_prompts"][:, RATE : RATE + 28_800].numpy())

"""The same weights give the same codes, samples and files as the package `encodec` 0.1.1."""

import pytest
import torch

from audiocodecs.base import Spec
from audiocodecs.encodec import ecdc
from audiocodecs.encodec.model import ENCODEC_24KHZ, EncodecModel

RATE = ENCODEC_24KHZ.rate
LENGTHS = {"one second": RATE, "ten seconds": 10 * RATE, "53,760 samples": 53_760, "one sample": 1}
TIE = 1e-5


def distances(model, latents, codes, codebook):
    """Squared distances of the residual before `codebook` to its vectors, (frames, 1024), in double precision."""
    residual = latents.t().double()
    embeds = [book.embed.double() for book in model.quantizer.codebooks]
    for embed, row in zip(embeds[:codebook], codes, strict=False):
        residual = residual - embed[row]
    return torch.cdist(residual, embeds[codebook]).pow(2)


def ties(model, latents, found, expected):
    """Frames whose codes differ because two vectors are equally near; fails on any other difference.

    After the first code that differs, a frame's later ones code something else.
    """
    count = 0
    for frame in torch.nonzero((found != expected).any(0)).flatten().tolist():
        first = int(torch.nonzero(found[:, frame] != expected[:, frame])[0])
        near = distances(model, latents[:, frame : frame + 1], found[:, frame : frame + 1], first)[0]
        gap = abs(near[found[first, frame]] - near[expected[first, frame]])
        assert gap < TIE, f"frame {frame}, codebook {first}: {gap:.2e} apart"
        count += 1
    return count


def test_the_state_dict_has_the_published_keys_and_shapes(package, theirs):
    expected = {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in EncodecModel().state_dict().items()}
    assert len(expected) == 252
    assert list(found.items()) == list(expected.items())


def test_the_codebooks_are_really_used(ours, material, capsys):
    codes = torch.cat([ours.encode(clip, 32) for clip in material], dim=1)
    used = [len(row.unique()) for row in codes]
    assert min(used[:8]) >= 500, used
    with capsys.disabled():
        print(f"\n  different codes used in codebooks 1 to 8: {used[:8]}, fewest in 9 to 32: {min(used[8:])}")


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_codes_and_samples_are_the_same_at_every_bandwidth(theirs, ours, clips, capsys, length):
    clip = clips["speech_en_prompts"][:, :length]
    assert clip.shape == (1, length)
    with torch.inference_mode():
        latents = ours.encoder(clip[None])[0]
    all_codes = ours.encode(clip, 32)
    report = []
    for kbps in ENCODEC_24KHZ.bandwidths:
        theirs.set_target_bandwidth(kbps)
        with torch.inference_mode():
            [(expected, scale)] = theirs.encode(clip[None])
            sound = theirs.decode([(expected, scale)])[0]
        n_q = ENCODEC_24KHZ.codebooks_at(kbps)
        # The first codebooks of 24 kbps are the codes at less; on the long clip that saves four runs.
        codes = all_codes[:n_q] if length > 5 * RATE else ours.encode(clip, n_q)
        assert codes.shape == expected[0].shape == (kbps / 0.75, ecdc.frame_count(length, RATE, 75))
        tied = ties(ours, latents, codes, expected[0])
        apart = float((ours.decode(expected[0]) - sound).abs().max())
        assert sound.std() > 0.05
        assert apart < 1e-4
        report.append(f"{kbps:g} kbps: {codes.numel()} codes, {tied} ties, samples within {apart:.1e}")
    with capsys.disabled():
        print(f"\n  {length} samples: " + "; ".join(report))


@pytest.mark.parametrize("clip", ["music_metal", "speech_noisy_da", "music_percussion"])
def test_codes_are_the_same_on_other_material(theirs, ours, clips, clip):
    samples = clips[clip][:, : 2 * RATE]
    theirs.set_target_bandwidth(24.0)
    with torch.inference_mode():
        [(expected, _)] = theirs.encode(samples[None])
        latents = ours.encoder(samples[None])[0]
    assert ties(ours, latents, ours.encode(samples, 32), expected[0]) <= 1


@pytest.mark.parametrize("kbps", ENCODEC_24KHZ.bandwidths)
def test_files_are_identical_and_read_by_both(package, theirs, published, short, monkeypatch, kbps):
    # Its reader would download the published weights.
    monkeypatch.setitem(package.compress.__globals__["MODELS"], theirs.name, lambda: theirs)
    codec = published.parse(Spec("encodec_24khz", kbps))
    theirs.set_target_bandwidth(kbps)
    written = package.compress(theirs, torch.from_numpy(short))
    encoded = codec.encode(short, RATE)
    assert encoded.container == written
    assert encoded.kbps == pytest.approx(kbps, rel=0.005)

    sound, rate = package.decompress(encoded.container)
    decoded, our_rate = codec.decode(codec.read(written))
    assert rate == our_rate == RATE
    assert decoded.shape == sound.shape
    assert abs(decoded - sound.numpy()).max() < 1e-4


def test_a_file_that_the_package_cannot_read_back_is_read_here(package, theirs, published, clips, monkeypatch):
    monkeypatch.setitem(package.compress.__globals__["MODELS"], theirs.name, lambda: theirs)
    samples = clips["speech_en_prompts"][:, :53_760]
    theirs.set_target_bandwidth(1.5)
    written = package.compress(theirs, samples)
    with pytest.raises(EOFError):  # 53760 / 24000 * 75 is 168.00000000000003 in floating point
        package.decompress(written)
    codec = published.parse(Spec("encodec_24khz", 1.5))
    assert codec.encode(samples.numpy(), RATE).container == written
    assert codec.decode(codec.read(written))[0].shape == (1, 53_760)

"""Where our rounding differs from the package's, and how many codes it changes: what docs/entropy.md says of ECDC.

The weights are the small ones that come with the project, trained ones, in the package's own classes.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from published_pair import Pair
from torch.nn import functional as F

import audiocodecs.encodec
from audiocodecs.encodec import ecdc
from audiocodecs.encodec.fast import FastEncodec
from audiocodecs.encodec.fast.elu import SCALE, elu_into
from audiocodecs.encodec.model import ENCODEC_24KHZ, EncodecModel

SMALL = Path(audiocodecs.encodec.__file__).parent / "weights" / "encodec_24khz_small.th"
SECONDS = 2 * ENCODEC_24KHZ.rate


@pytest.fixture(scope="module")
def small(package):
    """The package's model and ours, as plain modules, with the same trained weights."""
    state = torch.load(SMALL, weights_only=True)
    settings = replace(ENCODEC_24KHZ, filters=16)
    halves = {"channels": 1, "norm": "weight_norm", "causal": True, "n_filters": settings.filters}
    with pytest.warns(FutureWarning):  # its weight norm
        theirs = package.EncodecModel(
            package.modules.SEANetEncoder(**halves),
            package.modules.SEANetDecoder(**halves),
            package.quantization.ResidualVectorQuantizer(dimension=128, n_q=settings.codebooks, bins=1024),
            list(settings.bandwidths),
            settings.rate,
            settings.channels,
        ).eval()
    theirs.load_state_dict(state)
    ours = EncodecModel(settings)
    ours.load_state_dict(state)
    return theirs, ours.prepare()


def test_our_plain_modules_give_the_packages_bits(small, clips):
    theirs, ours = small
    signal = clips["speech_en_prompts"][None, :, SECONDS : 2 * SECONDS]
    with torch.inference_mode():
        latents = theirs.encoder(signal)
        assert torch.equal(ours.encode_latents(signal), latents)
        codes = theirs.quantizer.encode(latents, theirs.frame_rate, 12.0)
        assert torch.equal(ours.quantize(latents, 16), codes.transpose(0, 1))
        assert torch.equal(ours.decode_latents(latents), theirs.decoder(latents))


def test_the_fast_lstm_and_quantizer_give_the_packages_bits(small, clips):
    theirs, ours = small
    fast = FastEncodec.of(ours)
    signal = clips["speech_en_prompts"][None, :, SECONDS : 2 * SECONDS]
    with torch.inference_mode():
        before = theirs.encoder.model[:13](signal)
        frames = before.permute(2, 0, 1).contiguous()
        found = fast.encoder.lstm.push(frames, fast.encoder.lstm.start(1))
        assert torch.equal(found.permute(1, 2, 0), theirs.encoder.model[13](before))
        latents = theirs.encoder(signal)
        codes = theirs.quantizer.encode(latents, theirs.frame_rate, 12.0).transpose(0, 1)
        assert torch.equal(fast.quantize(latents, 16), codes)
        assert torch.equal(fast.dequantize(codes), theirs.quantizer.decode(codes.transpose(0, 1)))


def test_the_first_rounding_that_differs_is_the_factor_for_the_elu(small, clips):
    theirs, ours = small
    signal = clips["speech_en_prompts"][None, :, SECONDS : 2 * SECONDS]
    first, block = FastEncodec.of(ours).encoder.before.layers[:2]
    with torch.inference_mode():
        rows = theirs.encoder.model[0](signal)[0].t().contiguous()
        found = first.push(signal[0].t() * SCALE, first.start(), True) / SCALE
        assert not torch.equal(found, rows)
        assert (found - rows).abs().max() <= 3e-7 * rows.abs().max()
        elu = elu_into(rows * SCALE, torch.empty_like(rows)) / SCALE
        assert not torch.equal(elu, F.elu(rows))
        assert (elu - F.elu(rows)).abs().max() <= 1.2e-7
        after = theirs.encoder.model[1](rows.t()[None])[0].t()
        assert (block.push(rows * SCALE, block.start(), True) / SCALE - after).norm() <= 5e-7 * after.norm()


@pytest.mark.parametrize(
    "share_of_the_clips",
    [pytest.param(0.2, id="a fifth of each clip"), pytest.param(1, id="whole clips", marks=pytest.mark.slow)],
)
def test_rounding_changes_the_codes_of_less_than_a_frame_in_a_thousand(small, clips, share_of_the_clips, capsys):
    theirs, ours = small
    fast = FastEncodec.of(ours)
    frames = changed = changed_bytes = size = 0
    furthest = 0.0
    for clip in clips.values():
        pair = Pair(theirs, fast, clip[:, : round(share_of_the_clips * clip.shape[1])])
        [expected] = pair.their_codes(pair.clip, 6.0)
        [found] = pair.our_codes(pair.clip, 6.0)
        pair.assert_same_codes(pair.clip, [found], [expected])
        frames += expected.codes.shape[1]
        changed += int((found.codes != expected.codes).any(axis=0).sum())
        packed = [np.frombuffer(ecdc.pack_codes(part.codes), np.uint8) for part in (found, expected)]
        changed_bytes += int((packed[0] != packed[1]).sum())
        size += len(packed[0])
        apart = (pair.our_sound([expected]) - pair.their_sound([expected])).abs().max()
        furthest = max(furthest, float(apart))
    if share_of_the_clips == 1:
        with capsys.disabled():
            print(
                f"\n  {changed} of {frames} frames, {changed_bytes} of {size} bytes differ; samples to {furthest:.1e}"
            )
    assert changed <= 1 + frames // 1000
    assert furthest < 1e-5

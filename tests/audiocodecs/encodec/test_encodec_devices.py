"""Many clips at once, and the way that a GPU is used, here with the CPU in its place."""

import numpy as np
import pytest
import torch
from published_pair import Pair

from audiocodecs.encodec import codec as codec_module
from audiocodecs.encodec import device
from audiocodecs.encodec.clips import decode_clips, encode_clips
from audiocodecs.encodec.device import OnDevice, WholeEncoder, decode_whole
from audiocodecs.encodec.model import ENCODEC_48KHZ, EncodecModel

CPU = torch.device("cpu")


@pytest.fixture(params=["24 kHz", pytest.param("48 kHz", marks=pytest.mark.slow)])
def several(request, theirs, theirs_48, fast, fast_48, ours, clips, stereo_clips):
    """Pairs of model and clip, with clips of equal and of other lengths, and the modules as if on a GPU."""
    if request.param == "24 kHz":
        cut = [
            clip[:, 24_000 : 24_000 + n] for clip, n in zip(clips.values(), (12_000, 12_000, 999, 12_000), strict=False)
        ]
        return [Pair(theirs, fast, clip) for clip in cut], OnDevice(ours, CPU)
    model = EncodecModel(ENCODEC_48KHZ)
    model.load_state_dict(theirs_48.state_dict())
    cut = [
        clip[:, 48_000 : 48_000 + n]
        for clip, n in zip(stereo_clips.values(), (99_000, 60_000, 1, 99_000), strict=False)
    ]
    return [Pair(theirs_48, fast_48, clip) for clip in cut], OnDevice(model.prepare(), CPU)


def test_clips_together_are_coded_and_decoded_as_one_by_one(several):
    pairs, network = several
    of_model, clips = pairs[0].settings, [pair.clip for pair in pairs]
    n_q = of_model.codebooks_at(6)
    coded = encode_clips(network, of_model, clips, n_q, together=3)
    sounds = decode_clips(network, of_model, coded, [clip.shape[1] for clip in clips], together=3)
    for pair, segments, sound in zip(pairs, coded, sounds, strict=True):
        pair.assert_same_codes(pair.clip, segments, pair.our_codes(pair.clip, 6))
        assert sound.shape == pair.clip.shape
        assert (sound - pair.our_sound(segments)[:, : sound.shape[1]]).abs().max() < 1e-4


@pytest.mark.slow
def test_a_clip_that_is_short_goes_to_the_device_whole_and_a_long_one_through_the_streams(fast, ours, theirs, clips):
    pair = Pair(theirs, fast, clips["speech_en_prompts"][:, :70_000])
    for most, network in ((10**6, OnDevice(ours, CPU)), (40_000, None)):  # None: whoever asks the device fails
        encoder = WholeEncoder(network, fast, 8, most)
        found = [part for block in pair.clip.split(30_000, dim=1) for part in encoder.push(block)] + encoder.finish()
        joined = [type(found[0])(np.concatenate([part.codes for part in found], axis=1))]
        pair.assert_same_codes(pair.clip, joined, pair.our_codes(pair.clip, 6))
        sound = torch.cat(list(decode_whole(network, fast, found, most // 320)), dim=1)
        assert (sound - pair.our_sound(joined)).abs().max() < 1e-4


@pytest.mark.slow
def test_the_codec_uses_a_gpu_where_there_is_one_and_says_so(published, published_48, short, monkeypatch):
    for cls in (published, published_48):
        codec = cls.parse(codec_module.Spec(cls.name, 6.0))
        expected = codec.decode(codec.encode(short, 24_000))[0]
        assert "GPU" not in codec.version
        monkeypatch.setattr(codec_module, "gpu", lambda: CPU)
        monkeypatch.setattr(device, "gpu", lambda: CPU)
        assert "on a GPU" in codec.version
        found = codec.decode(codec.encode(short, 24_000))[0]
        assert np.sqrt(np.mean((found - expected) ** 2)) < 0.01 * expected.std()
        monkeypatch.undo()
        monkeypatch.setenv("ENCODEC_MODEL_DIR", str(codec._path.parent))

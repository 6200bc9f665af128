"""A minute at every bandwidth, both models: codes and samples as the package's. It takes minutes."""

import pytest
import torch
from published_pair import Pair


@pytest.mark.slow
@pytest.mark.parametrize("model", ["24 kHz", "48 kHz"])
def test_a_minute_is_the_same_at_every_bandwidth(request, model, clips, stereo_clips):
    if model == "24 kHz":
        pair = Pair(request.getfixturevalue("theirs"), request.getfixturevalue("fast"), _minute(clips, 24_000))
    else:
        every = _minute(stereo_clips, 48_000)
        pair = Pair(request.getfixturevalue("theirs_48"), request.getfixturevalue("fast_48"), every)
    for kbps in pair.settings.bandwidths:
        expected = pair.their_codes(pair.clip, kbps)
        close = pair.assert_same_codes(pair.clip, pair.our_codes(pair.clip, kbps), expected)
        apart = float((pair.our_sound(expected) - pair.their_sound(expected)).abs().max())
        print(f"{pair.settings.name} {kbps:g} kbps: {close} frames with a close call, samples within {apart:.1e}")
        assert apart < 1e-4


def _minute(clips, rate):
    joined = torch.cat(list(clips.values()), dim=1)
    assert joined.shape[1] >= 60 * rate
    return joined[:, : 60 * rate]

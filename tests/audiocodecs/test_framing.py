import numpy as np
import pytest

from audiocodecs import audio
from audiocodecs.framing import Framing

FRAMING = Framing(rate=16000, frame=320, delay=94)


def late(pcm):
    """What a codec that keeps every sample would return."""
    flat = pcm.reshape(-1, pcm.shape[2])
    return np.concatenate([np.zeros((FRAMING.delay, pcm.shape[2]), np.int16), flat])[: len(flat)].reshape(pcm.shape)


@pytest.mark.parametrize("n", [1, 225, 226, 227, 320, 12345])
def test_the_whole_clip_comes_back_in_spite_of_the_delay(n):
    clip = (0.1 * np.random.default_rng(0).standard_normal((2, n))).astype(np.float32)
    pcm = FRAMING.cut(clip, 16000)
    assert pcm.shape == (FRAMING.count(n, 16000), 320, 2) == (-(-(n + 94) // 320), 320, 2)
    assert np.abs(FRAMING.join(late(pcm), n, 16000) - clip).max() <= 0.5001 / 32768


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_another_rate_comes_back_in_time(excerpt, rate):
    clip = excerpt("speech_en_prompts", 1.0371, rate)
    found = FRAMING.join(late(FRAMING.cut(clip, rate)), clip.shape[1], rate)
    assert found.shape == clip.shape
    assert audio.lag(clip, found, rate) == 0


def test_full_scale_is_clipped_and_never_wraps():
    pcm = FRAMING.cut(np.array([[1.0, -1.0, 2.0, -2.0, 0.5]], np.float32), 16000)
    assert pcm[0, :5, 0].tolist() == [32767, -32768, 32767, -32768, 16384]

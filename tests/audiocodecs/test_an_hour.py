"""An hour through each codec that a bitrate is chosen for, in a process whose memory is measured."""

import subprocess
import sys

import pytest

from audiocodecs.base import CodecUnavailable
from audiocodecs.registry import get_codec

HOUR = """
import resource, sys
import numpy as np
from audiocodecs.registry import get_codec
clip = np.zeros((1, 3600 * 48000), np.float32)
clip[0, ::48000] = 0.1
codec = get_codec(sys.argv[1])
encoded = codec.encode(clip, 48000)
assert abs(codec.read(encoded.container).seconds - 3600) < 0.05
decoded, _ = codec.decode(encoded)
assert decoded.shape == clip.shape
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / clip.nbytes * 1024)
"""
SPECS = ["opus@6", "aac@64", "vorbis@64", "g722@64", "amrnb@12.2", "lc3@96", "codec2@3.2", "speex@42.2", "amrwb@23.85"]


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_exactly_an_hour_comes_back_and_takes_little_more_memory_than_the_clip_and_its_copy(spec):
    try:
        get_codec(spec)
    except CodecUnavailable as error:
        pytest.skip(str(error))
    done = subprocess.run([sys.executable, "-c", HOUR, spec], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2.9

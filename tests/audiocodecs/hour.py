"""Run as a program, `python hour.py SPEC`: an hour through a codec; prints its memory in sizes of the clip."""

import resource
import sys

import numpy as np

from audiocodecs.registry import get_codec

clip = np.zeros((1, 3600 * 48000), np.float32)
clip[0, ::400] = 0.1
codec = get_codec(sys.argv[1])
encoded = codec.encode(clip, 48000)
codec.read(encoded.container)
decoded, _ = codec.decode(encoded)
assert decoded.shape == clip.shape
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / clip.nbytes * 1024)

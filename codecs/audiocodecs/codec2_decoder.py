"""Run as a program, `python -I codec2_decoder.py BITRATE`: Codec 2 frames in, 16-bit samples at 8 kHz out.

libcodec2 draws the phases of unvoiced sound from one sequence for the whole process. In a process of its
own a file always decodes to the same samples.
"""

import sys

import numpy as np
import pycodec2


def main() -> None:
    """Decode standard input to standard output."""
    decoder = pycodec2.Codec2(int(sys.argv[1]))
    size = decoder.bytes_per_frame()
    frames = sys.stdin.buffer.read()
    pcm = np.empty((len(frames) // size, decoder.samples_per_frame()), np.int16)
    for index, samples in enumerate(pcm):
        samples[:] = decoder.decode(frames[index * size : (index + 1) * size])
    sys.stdout.buffer.write(pcm.data)


if __name__ == "__main__":
    main()

"""RVQF, our container for the codes of a residual vector quantizer (docs/rvqf.md has the layout).

>>> import numpy as np
>>> header = RvqfHeader("encodec_24khz", rate=24_000, channels=1, codebooks=2, hop=320, weights=bytes(8))
>>> codes = np.array([[1, 1023, 5], [2, 0, 7]])
>>> data = write(header, 960, codes)
>>> file = read(data, lambda header: None)
>>> file.samples, bool((file.codes == codes).all())
(960, True)
"""

from audiocodecs.rvqf.layout import MAGIC, BlockEntropyModel, Codes, RvqfHeader, Segment, prefix, read_header
from audiocodecs.rvqf.reader import Block, RvqfFile, RvqfReader, blocks, is_rvqf, read, read_block, total_samples
from audiocodecs.rvqf.writer import RvqfWriter, write

__all__ = [
    "MAGIC",
    "Block",
    "BlockEntropyModel",
    "Codes",
    "RvqfFile",
    "RvqfHeader",
    "RvqfReader",
    "RvqfWriter",
    "Segment",
    "blocks",
    "is_rvqf",
    "prefix",
    "read",
    "read_block",
    "read_header",
    "total_samples",
    "write",
]

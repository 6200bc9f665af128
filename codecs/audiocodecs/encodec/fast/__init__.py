"""Inference of EnCodec in rows: time-major layers that work tile by tile, offline and streaming.

fast = FastEncodec.of(model)                       # a prepared EncodecModel
codes = fast.quantize(fast.encode_latents(x), 8)   # x (batch, channels, n)
encoder = StreamingEncoder(fast, 8)
part = encoder.push(samples)                       # any number of samples; the codes that are ready
rest = encoder.finish()
"""

from audiocodecs.encodec.fast.model import FastEncodec
from audiocodecs.encodec.fast.streaming import OFFLINE, StreamingDecoder, StreamingEncoder
from audiocodecs.encodec.fast.threads import torch_threads

__all__ = ["OFFLINE", "FastEncodec", "StreamingDecoder", "StreamingEncoder", "torch_threads"]

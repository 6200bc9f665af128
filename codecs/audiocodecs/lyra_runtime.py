"""Running Lyra's three networks on TensorFlow Lite's runtime.

The networks keep their state between calls and the runtime has no way back to the
first state (`reset_all_variables` does not give it), so each clip gets new
interpreters. They run on one thread: the networks are small and results stay the same.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocodecs.base import CodecUnavailable, Samples

SHA256 = {
    "soundstream_encoder": "237da0b16226fb0a68d49551c81bebf614e42142af72764448359f68581e88f1",
    "quantizer": "841ee05989687d32d1f616a8ad1419fc7eda37599d3c05c7cf5a0d60ccf8ac5c",
    "lyragan": "50e7839cda4f30599a3a34cfaddcd9c98449b049eee884e1a74295780448ad06",
}
MOST_QUANTIZERS = 46
HOP = 320
"""Samples of a packet at 16 kHz."""
_CONCEALED_HOPS = 4
_FADE_HOPS = 2

_REMEDY = (
    "Put soundstream_encoder.tflite, quantizer.tflite and lyragan.tflite of google/lyra, tag v1.3.2 "
    "(lyra/model_coeffs), in one folder and set LYRA_MODEL_DIR to it, or install the project again."
)
_NOTICE = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU."
_starting = threading.Lock()


def folder() -> Path:
    """Where the model files are: LYRA_MODEL_DIR, or the copy in the package."""
    return Path(os.environ.get("LYRA_MODEL_DIR") or Path(__file__).parent / "lyra_model")


def models() -> dict[str, bytes]:
    """The model files, checked.

    Raises
    ------
    CodecUnavailable
        If one is missing or is not the published one, or the runtime is not installed.
    """
    found = {}
    for name, expected in SHA256.items():
        path = folder() / f"{name}.tflite"
        try:
            state = path.stat()
            data, sha256 = _load(path, state.st_mtime_ns, state.st_size)
        except OSError as error:
            raise CodecUnavailable(f"Lyra's model file {path} cannot be read: {error.strerror}.", _REMEDY) from error
        if sha256 != expected:
            raise CodecUnavailable(
                f"Lyra's model file {path} is not the published one: its sha256 begins with {sha256[:8]}, "
                f"not {expected[:8]}.",
                _REMEDY,
            )
        found[name] = data
    try:
        import ai_edge_litert  # noqa: F401
    except ImportError as error:
        raise CodecUnavailable(
            f"The package ai-edge-litert does not load: {error}.", "Run pip install -r requirements.txt."
        ) from error
    return found


def digest() -> str:
    """Short name of the three files' contents."""
    return hashlib.sha256("".join(SHA256.values()).encode()).hexdigest()[:12]


def encode(hops: Samples, quantizers: int) -> NDArray[np.uint8]:
    """Indices of each hop.

    Parameters
    ----------
    hops : ndarray, shape (packets, 320)
        16 kHz.
    quantizers : int
        16, 30 or 46.

    Returns
    -------
    ndarray of uint8, shape (packets, quantizers)
        0..15.
    """
    found = models()
    encoder, quantizer = _interpreter(found["soundstream_encoder"]), _interpreter(found["quantizer"])
    quantize = quantizer.get_signature_runner("encode")
    count = np.array(quantizers, np.int32)
    indices = np.empty((len(hops), quantizers), np.uint8)
    for row, hop in zip(indices, hops, strict=True):
        features = _run(encoder, hop.reshape(1, -1))
        row[:] = quantize(input_frames=features, num_quantizers=count)["output_0"].reshape(-1)[:quantizers]
    return indices


def decode(indices: NDArray[np.uint8], lost: NDArray[np.bool_]) -> Samples:
    """Audio at 16 kHz.

    In place of a lost packet the decoder gets features of zero, as in Lyra's `lyra_decoder.cc`. After 80 ms of losses
    it fades within 40 ms, here to silence: Lyra's comfort noise is never twice the same.

    Parameters
    ----------
    indices : ndarray of uint8, shape (packets, quantizers)
    lost : ndarray of bool, shape (packets,)

    Returns
    -------
    ndarray, shape (packets, 320)
    """
    found = models()
    quantizer, decoder = _interpreter(found["quantizer"]), _interpreter(found["lyragan"])
    dequantize = quantizer.get_signature_runner("decode")
    filled = np.full((len(indices), MOST_QUANTIZERS), -1, np.int32)
    filled[:, : indices.shape[1]] = indices
    hops = []
    for packet, missing in zip(filled, lost, strict=True):
        features = dequantize(encoding_indices=packet.reshape(-1, 1, 1))["output_0"]
        hops.append(_run(decoder, np.zeros_like(features) if missing else features).reshape(1, -1))
    return np.concatenate(hops) * _concealed_gain(lost)


def _concealed_gain(lost: NDArray[np.bool_]) -> Samples:
    """Gain of each sample, shape (packets, 320)."""
    gains = np.ones((len(lost), HOP), np.float32)
    place = 0.0
    run = 0
    for index, missing in enumerate(lost):
        run = run + 1 if missing else 0
        step = (1 if run > _CONCEALED_HOPS else -1 if not missing else 0) / _FADE_HOPS
        places = np.clip(place + step * np.arange(HOP) / HOP, 0, 1)
        gains[index] = (1 + np.cos(np.pi * places)) / 2
        place = min(max(place + step, 0.0), 1.0)
    return gains


@lru_cache(maxsize=3 * 2)
def _load(path: Path, mtime_ns: int, size: int) -> tuple[bytes, str]:
    data = path.read_bytes()
    return data, hashlib.sha256(data).hexdigest()


def _interpreter(model: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with _starting:
        _start_quietly()
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Any, data: NDArray[np.float32]) -> NDArray[np.float32]:
    entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.set_tensor(entry["index"], data)
    interpreter.invoke()
    found: NDArray[np.float32] = interpreter.get_tensor(result["index"])
    return found


@cache
def _start_quietly() -> None:
    """Keep the notice that the runtime's C++ code prints once off stderr; let all else through."""
    from ai_edge_litert.interpreter import Interpreter

    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            Interpreter(model_content=models()["lyragan"], num_threads=1).allocate_tensors()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if line.strip() != _NOTICE:
                    os.write(2, line)

"""Streams give what the whole clip gives, however it is pushed, and keep a bounded state."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodecs.encodec.fast import OFFLINE, StreamingDecoder, StreamingEncoder
from audiocodecs.encodec.seanet import HOP

N_Q = 8
START = 7 * HOP
"""Samples that the encoder waits for at the start, and that the decoder gives at once there."""


def cut(columns, sizes):
    """Columns (channels, n) in pieces of the sizes, the last size again and again."""
    sizes = list(sizes)
    while columns.shape[1]:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        yield columns[:, :size]
        columns = columns[:, size:]


def encode(fast, clip, sizes, frames=1):
    stream = StreamingEncoder(fast, N_Q, frames)
    return torch.cat([*(stream.push(part) for part in cut(clip, sizes)), stream.finish()], dim=1)


def decode(fast, codes, sizes, total, frames=1):
    stream = StreamingDecoder(fast, frames)
    parts = [stream.push(part) for part in cut(codes, sizes)]
    return torch.cat([*parts, stream.finish(total)], dim=1)[:, :total]


def offline(fast, clip):
    codes = fast.quantize(fast.encode_latents(clip[None]), N_Q)
    return codes[0], fast.decode_latents(fast.dequantize(codes))[0, :, : clip.shape[1]]


def assert_near(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * max(1.0, float(expected.abs().max())))


@pytest.fixture(scope="module")
def clip(clips):
    return clips["speech_en_prompts"][:, 24_000:64_000]


LENGTHS = [1, 2, 100, 319, 320, 321, START - 1, START, START + 1, 6_007, 9_600]
QUICK_LENGTHS = [1, 321, START + 1]


@pytest.mark.parametrize(
    "length", [pytest.param(n, marks=[] if n in QUICK_LENGTHS else pytest.mark.slow) for n in LENGTHS]
)
def test_every_length_gives_the_offline_codes_and_samples(fast, clip, length):
    codes, samples = offline(fast, clip[:, :length])
    assert torch.equal(encode(fast, clip[:, :length], [HOP]), codes)
    assert_near(decode(fast, codes, [1], length), samples)


@pytest.mark.parametrize(
    "sizes", [[101], [5_003], *(pytest.param([n], marks=pytest.mark.slow) for n in (1, 37, HOP, 40_000))], ids=str
)
def test_every_size_of_push_gives_the_same_bits(fast, clip, sizes):
    clip = clip[:, :5_000]
    codes = encode(fast, clip, [40_000])
    assert torch.equal(codes, offline(fast, clip)[0])
    assert torch.equal(encode(fast, clip, sizes), codes)
    samples = decode(fast, codes, [100], 5_000)
    assert torch.equal(decode(fast, codes, [-(-size // HOP) for size in sizes], 5_000), samples)


@pytest.mark.parametrize(
    ("examples", "longest"), [(4, 5_000), pytest.param(15, 12_000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_any_length_pushes_and_frames_at_a_time_give_the_offline_result(fast, clip, examples, longest):
    @settings(max_examples=examples, deadline=None)
    @given(
        length=st.integers(1, longest),
        sizes=st.lists(st.integers(1, 4_000), min_size=1, max_size=12),
        code_sizes=st.lists(st.integers(1, 20), min_size=1, max_size=12),
        frames=st.sampled_from([1, 2, 5, 16, OFFLINE]),
    )
    def check(length, sizes, code_sizes, frames):
        assert_as_offline(fast, clip, length, sizes, code_sizes, frames)

    check()


def assert_as_offline(fast, clip, length, sizes, code_sizes, frames):
    codes, samples = offline(fast, clip[:, :length])
    assert torch.equal(encode(fast, clip[:, :length], sizes, frames), codes)
    assert_near(decode(fast, codes, code_sizes, length, frames), samples)


@pytest.mark.slow
def test_as_many_frames_at_a_time_as_offline_give_the_same_bits(fast, clips):
    clip = clips["speech_en_prompts"][:, : OFFLINE * HOP + 1_234]
    codes, samples = offline(fast, clip)
    assert torch.equal(encode(fast, clip, [7_919], OFFLINE), codes)
    assert torch.equal(decode(fast, codes, [13], clip.shape[1], OFFLINE), samples)


def test_the_first_codes_wait_for_seven_frames_and_the_others_for_their_own_samples_alone(fast, clip):
    stream = StreamingEncoder(fast, N_Q)
    assert stream.push(clip[:, : START - 1]).shape == (N_Q, 0)
    assert stream.push(clip[:, START - 1 : START]).shape == (N_Q, 7)
    assert stream.push(clip[:, START : START + HOP - 1]).shape == (N_Q, 0)
    assert stream.push(clip[:, START + HOP - 1 : START + HOP]).shape == (N_Q, 1)


def test_the_first_samples_come_with_the_seventh_frame_and_then_320_with_each(fast, clip):
    codes, _ = offline(fast, clip[:, : START + HOP])
    stream = StreamingDecoder(fast)
    assert stream.push(codes[:, :6]).shape == (1, 0)
    assert stream.push(codes[:, 6:7]).shape == (1, START)
    assert stream.push(codes[:, 7:8]).shape == (1, HOP)
    assert stream.finish(START + HOP).shape == (1, 0)


def test_codes_of_fewer_codebooks_are_decoded(fast, clip):
    codes, _ = offline(fast, clip[:, :4_000])
    expected = fast.decode_latents(fast.dequantize(codes[None, :2]))[0, :, :4_000]
    assert_near(decode(fast, codes[:2], [3], 4_000), expected)


def tensors(state):
    if isinstance(state, torch.Tensor):
        yield state
    elif isinstance(state, list):
        for part in state:
            yield from tensors(part)
    elif dataclasses.is_dataclass(state):
        for field in dataclasses.fields(state):
            yield from tensors(getattr(state, field.name))


def test_the_state_does_not_grow_with_the_clip(fast, clip):
    sizes = []
    encoder, decoder = StreamingEncoder(fast, N_Q, 4), StreamingDecoder(fast, 4)
    for part in cut(clip, [8_000]):
        decoder.push(encoder.push(part))
        kept = [*tensors(encoder._state), *tensors(decoder._state)]
        sizes.append(sum(tensor.untyped_storage().nbytes() for tensor in kept))
    assert sizes[-1] == sizes[1] < 200_000


def test_a_finished_stream_takes_nothing_more(fast, clip):
    encoder, decoder = StreamingEncoder(fast, N_Q), StreamingDecoder(fast)
    assert encoder.finish().shape == (N_Q, 0)
    assert decoder.finish(0).shape == (1, 0)
    for again in (lambda: encoder.push(clip), encoder.finish, decoder.finish):
        with pytest.raises(ValueError, match="finished"):
            again()


def test_the_model_that_needs_whole_segments_is_refused_with_what_to_use(fast, fast_48):
    for make in (lambda: StreamingEncoder(fast_48, 4), lambda: StreamingDecoder(fast_48)):
        with pytest.raises(ValueError, match="SegmentEncoder"):
            make()
    with pytest.raises(ValueError, match="at least one frame"):
        StreamingEncoder(
            dataclasses.replace(fast_48, settings=dataclasses.replace(fast_48.settings, causal=True)), 4, 0
        )

"""Lost packets: which ones, how each codec goes on, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from audiocodecs.base import CodecError, CodecUnavailable, Spec, UnknownCodec
from audiocodecs.packet_loss import PacketLoss, fading, for_clip, last_received, packet_loss
from audiocodecs.registry import get_codec, parse_spec, resolve, words

SPECS = [
    *("opus@16", "lyra@6", "lc3@32", "amrnb@12.2", "codec2@1.3", "speex@16.8", "amrwb@12.65"),
    *("spectral_24khz@6:entropy=none", "encodec_24khz@6:weights=small"),
]


@pytest.fixture
def clip(excerpt):
    return excerpt("speech_en_prompts", 2)


def decoded(spec, clip, rate=48000):
    try:
        codec = get_codec(spec)
    except CodecUnavailable as error:  # its library or program is the operator's
        pytest.skip(str(error))
    encoded = codec.encode(clip, rate)
    return encoded, codec.decode(encoded)[0]


@pytest.mark.parametrize("spec", SPECS)
def test_lost_packets_change_the_sound_and_neither_its_length_nor_its_rate(spec, clip):
    sent, whole = decoded(spec, clip)
    encoded, lossy = decoded(f"{spec}:loss=20:burst=2", clip)
    assert lossy.shape == clip.shape
    assert np.isfinite(lossy).all()
    assert not np.array_equal(lossy, whole)
    assert encoded.kbps == pytest.approx(sent.kbps, rel=0.05)
    assert np.corrcoef(np.abs(lossy[0]), np.abs(whole[0]))[0, 1] > 0.3


@pytest.mark.parametrize("spec", SPECS)
def test_no_loss_is_the_codec_itself(spec, clip):
    assert all(
        np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
        for one, other in zip(decoded(f"{spec}:loss=0:seed=3", clip), decoded(spec, clip), strict=True)
    )


@pytest.mark.parametrize("spec", SPECS)
def test_before_the_first_loss_the_sound_is_that_of_the_codec(spec, clip):
    _, whole = decoded(spec, clip)
    lossy_spec = f"{spec}:loss=2:burst=4:seed=5"
    encoded, lossy = decoded(lossy_spec, clip)
    first = int(np.argmax(PacketLoss(2, 4, 5).lost(1000)))
    assert first > 20
    same = int(first * 0.0066 * 48000)  # the shortest packets are 6.7 ms
    if spec.startswith("opus"):  # its encoder is told the loss
        assert encoded.kbps > 0
        return
    assert np.allclose(lossy[:, : same - 3000], whole[:, : same - 3000], atol=1e-4)


def test_the_same_seed_loses_the_same_packets_in_another_process():
    program = (
        "from audiocodecs.packet_loss import PacketLoss; print(PacketLoss(5, 2, 7).lost(500).nonzero()[0].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    here = PacketLoss(5, 2, 7).lost(500).nonzero()[0].tolist()
    assert done.stdout.strip() == str(here)
    assert here[:8] != PacketLoss(5, 2, 8).lost(500).nonzero()[0].tolist()[:8]


def test_a_pattern_stays_the_one_that_was_rated():
    assert PacketLoss(20, 2, 1).lost(20).nonzero()[0].tolist() == [0, 8, 9, 13, 14, 19]


@pytest.mark.parametrize(("percent", "burst"), [(1, None), (5, None), (5, 2), (20, 4), (40, 1.5)])
def test_the_mean_over_a_thousand_seeds_is_the_rate_that_was_asked_for(percent, burst):
    shares = np.array([100 * PacketLoss(percent, burst, seed).lost(500).mean() for seed in range(1000)])
    assert abs(shares.mean() - percent) < 3 * shares.std(ddof=1) / np.sqrt(len(shares))


@pytest.mark.parametrize(("burst", "mean"), [(1, 1), (2, 2), (5, 5), (None, 1 / 0.9)])
def test_packets_are_lost_in_bursts_of_the_mean_length_that_was_asked_for(burst, mean):
    lost = PacketLoss(10, burst, 3).lost(200_000).astype(int)
    starts = np.count_nonzero(np.diff(lost, prepend=0) == 1)
    assert lost.sum() / starts == pytest.approx(mean, rel=0.03)


def test_each_clip_has_its_own_pattern_and_every_codec_the_same_one():
    one, other = ("0" * 64, "1" * 64)
    opus, evs = parse_spec("opus@16:loss=5:seed=2"), parse_spec("evs@9.6:loss=5:seed=2")
    assert packet_loss(for_clip(opus, one)) == packet_loss(for_clip(evs, one))
    assert packet_loss(for_clip(opus, one)).seed != packet_loss(for_clip(opus, other)).seed
    assert for_clip(parse_spec("opus@16:loss=0"), one) == parse_spec("opus@16:loss=0")
    assert for_clip(Spec("opus", 16), one) == Spec("opus", 16)


def test_opus_recovers_single_losses_from_the_next_packet(clip):
    """A decoder that only conceals is further from the whole than one that uses the redundancy of the next packet."""
    from audiocodecs import libopus
    from audiocodecs.ogg import read_opus

    encoded, _ = decoded("opus@24:application=voip:loss=20:burst=1", clip)
    packets = read_opus(encoded.container).packets
    errors = {}
    for recovering in (False, True):
        plain, lossy = libopus.Decoder(1), libopus.Decoder(1)
        error = 0.0
        for index, packet in enumerate(packets[:-1]):
            wanted = plain.decode(packet)
            if index % 5 != 4:
                lossy.decode(packet)
                continue
            got = lossy.recover(packets[index + 1], 960) if recovering else lossy.conceal(960)
            error += float(np.square(got - wanted).sum())
        errors[recovering] = error
    assert errors[True] < 0.5 * errors[False]


def test_a_repeated_packet_is_the_last_received_and_fades_with_each_further_loss():
    lost = np.array([1, 0, 1, 1, 1, 0, 1], bool)
    assert last_received(lost).tolist() == [1, 1, 1, 1, 1, 5, 5]
    assert fading(lost).tolist() == [1, 1, 1, 0.5, 0.25, 1, 1]


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ("opus@16:loss=05", "opus@16:loss=5"),
        ("opus@16:loss=5.0:burst=2.50", "opus@16:burst=2.5:loss=5"),
        ("opus@16:seed=1:loss=5", "opus@16:loss=5"),
        ("opus@16:seed=007:loss=5", "opus@16:loss=5:seed=7"),
        ("opus@16:loss=0:seed=3", "opus@16"),
        ("spectral_24khz@6:loss=0", "spectral_24khz@6"),
        ("opus@16.123456", "opus@16.123456"),
    ],
)
def test_what_means_the_same_is_one_condition(spec, same):
    assert resolve(spec) == same


def test_encodec_with_losses_decodes_a_file_of_another_bitrate(clip):
    encoded = get_codec("encodec_24khz@3:weights=small").encode(clip, 48000)
    decoded, _ = get_codec("encodec_24khz@6:weights=small:loss=5").decode(encoded)
    assert decoded.shape == clip.shape


def test_frames_of_an_entropy_coded_file_are_not_lost_one_by_one(clip):
    encoded = get_codec("spectral_24khz@6").encode(clip, 48000)
    with pytest.raises(CodecError, match="cannot be lost one by one"):
        get_codec("spectral_24khz@6:entropy=none:loss=20").decode(encoded)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mp3@64:loss=5", "MP3 has no packets that can be lost. Leave out loss"),
        ("lowpass@3500:loss=5", "has no packets that can be lost"),
        ("opus@16:burst=2", "a burst or a seed, but no loss"),
        ("opus@16:loss=60", "loss=60 is not possible. Write a number of percent of the packets from 0 to 50"),
        ("opus@16:loss=much", "loss=much is not possible"),
        ("opus@16:loss=5:burst=0.5", "burst=0.5 is not possible. Write a number of packets from 1 to 50"),
        ("opus@16:loss=5:seed=-1", "seed=-1 is not possible. Write a whole number"),
        ("opus@16:loss=5:seed=9999999999", "is not possible"),
        (f"opus@16:loss=5:seed={'9' * 5000}", "seed=99999999999999999999… is not possible"),
        ("spectral_24khz@6:loss=5", "Add entropy=none"),
        ("encodec_24khz@6:weights=small:entropy=lm:loss=5", "Leave out entropy=lm"),
    ],
)
def test_a_loss_that_cannot_be_is_refused_with_what_to_write(spec, message):
    with pytest.raises(UnknownCodec, match=message):
        get_codec(spec)


def test_a_loss_is_part_of_a_conditions_name():
    assert words("opus@16:loss=5") == "Opus 16 kbps, 5% packet loss"
    assert words("opus@16:burst=2:loss=5") == "Opus 16 kbps, 5% packet loss in bursts of 2"
    assert words("opus@16:application=voip:burst=2.5:loss=0.5:seed=4") == (
        "Opus 16 kbps, application voip, 0.5% packet loss in bursts of 2.5, pattern 4"
    )

import io
import struct

import av
import numpy as np
import pyloudnorm
import pytest
import scipy.signal
import soundfile

from audiocodecs import audio
from audiocodecs.audio import AudioError

RNG = np.random.default_rng(7)


def noise(seconds=1.0, rate=48000, channels=1):
    return (0.1 * RNG.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def sine(frequency, seconds, rate=48000, level=1.0):
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)[None]


def encoded_by_ffmpeg(samples, rate, codec, container):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as target:
        stream = target.add_stream(codec, rate=rate)
        stream.codec_context.layout = "stereo" if len(samples) == 2 else "mono"
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=stream.codec_context.layout.name)
        frame.sample_rate, frame.pts = rate, 0
        for part in (frame, None):
            for packet in stream.encode(part):
                target.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", None)],
)
def test_a_file_of_each_common_format_is_read_with_its_rate_channels_and_length(excerpt, format, subtype):
    clip = excerpt("music_tabla", 2, 44100)
    file = io.BytesIO()
    soundfile.write(file, clip.T, 44100, format=format, subtype=subtype)
    found = audio.read(file)
    assert (found.rate, found.format) == (44100, format)
    assert found.samples.shape == clip.shape
    assert found.samples.dtype == np.float32
    assert audio.lag(clip, found.samples, 44100) == 0
    probed = audio.probe(file)
    assert (probed.rate, probed.channels, probed.format, probed.subtype) == (44100, 2, found.format, found.subtype)
    assert probed.seconds == pytest.approx(2)


@pytest.mark.parametrize(
    ("codec", "container"), [("aac", "mp4"), ("aac", "adts"), ("alac", "ipod"), ("libopus", "webm")]
)
def test_what_libsndfile_cannot_read_is_read_by_ffmpeg(excerpt, codec, container):
    clip = excerpt("music_tabla", 2, 48000)
    if codec == "alac":
        file = io.BytesIO()
        with av.open(file, "w", format=container) as target:
            stream = target.add_stream(codec, rate=48000, layout="stereo")
            pcm = np.ascontiguousarray(np.rint(clip * 32767).astype(np.int16))
            frame = av.AudioFrame.from_ndarray(pcm, format="s16p", layout="stereo")
            frame.sample_rate, frame.pts = 48000, 0
            for part in (frame, None):
                for packet in stream.encode(part):
                    target.mux(packet)
        data = file.getvalue()
    else:
        data = encoded_by_ffmpeg(clip, 48000, codec, container)
    found = audio.read(io.BytesIO(data))
    assert found.rate == 48000
    assert found.samples.shape[0] == 2
    assert found.seconds == pytest.approx(2, abs=0.1)
    late = audio.lag(clip, found.samples, 48000)
    assert late == 0 or container == "adts"  # raw AAC has no place to say its delay
    assert audio.probe(io.BytesIO(data)).seconds == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("name", ["ä&+%.wav", "clip.raw", "no extension", "clip.wav.txt"])
def test_the_name_of_a_file_does_not_matter(tmp_path, name):
    path = tmp_path / name
    audio.write_wav(path, noise(0.1), 48000)
    assert audio.read(path).samples.shape == (1, 4800)
    with path.open("rb") as file:
        assert audio.read(file).samples.shape == (1, 4800)


def test_a_file_of_six_channels_at_192_khz_is_read_but_not_mixed_behind_ones_back():
    file = io.BytesIO()
    soundfile.write(file, noise(0.1, 192000, 6).T, 192000, format="WAV")
    found = audio.read(file)
    assert found.samples.shape == (6, 19200)
    with pytest.raises(AudioError, match="6 channels cannot be made 2. Mix"):
        audio.to_channels(found.samples, 2)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"this is a letter and no sound at all\n" * 40, "not audio"),
        (b"RIFF\x00\x00", "not audio"),
        (RNG.bytes(5000), "not audio"),
        (b"\x00" * 5000, "not audio"),
    ],
)
def test_what_is_not_audio_is_refused_with_words(tmp_path, data, says):
    path = tmp_path / "clip.wav"
    path.write_bytes(data)
    for function in (audio.read, audio.probe):
        with pytest.raises(AudioError, match=says):
            function(path)


def test_a_wav_without_samples_is_refused():
    file = io.BytesIO()
    audio.write_wav(file, np.zeros((1, 0), np.float32), 48000)
    with pytest.raises(AudioError, match="no samples"):
        audio.read(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"gone\.wav cannot be opened"):
        audio.read(tmp_path / "gone.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused_with_the_place(bad):
    samples = noise(1)
    samples[0, 24000] = bad
    file = io.BytesIO()
    soundfile.write(file, samples.T, 48000, format="WAV", subtype="FLOAT")
    with pytest.raises(AudioError, match=r"not numbers.* 0\.500 s"):
        audio.read(file)


def test_a_wav_header_that_promises_more_than_the_file_has_gives_what_is_there():
    file = io.BytesIO()
    audio.write_wav(file, noise(0.5), 48000)
    data = bytearray(file.getvalue())
    struct.pack_into("<I", data, 40, 0xFFFFFFF0)
    assert audio.read(io.BytesIO(bytes(data))).samples.shape == (1, 24000)


def test_a_flac_header_that_promises_hours_does_not_take_the_memory():
    file = io.BytesIO()
    soundfile.write(file, noise(0.5).T, 48000, format="FLAC")
    data = bytearray(file.getvalue())
    data[21] = data[21] & 0xF0 | 0x0F  # the upper bits of the 36 that count the samples
    data[22:26] = b"\xff\xff\xff\xff"
    with pytest.raises(AudioError, match="longer|long, more"):
        audio.read(io.BytesIO(bytes(data)), max_seconds=600)
    assert audio.read(io.BytesIO(bytes(data))).samples.shape == (1, 24000)


@pytest.mark.parametrize("rate", [1, 300, 2_000_000_000])
def test_a_sample_rate_that_nothing_has_is_refused(rate):
    file = io.BytesIO()
    audio.write_wav(file, noise(0.1), 48000)
    data = bytearray(file.getvalue())
    struct.pack_into("<I", data, 24, rate)
    with pytest.raises(AudioError, match="sample rate"):
        audio.read(io.BytesIO(bytes(data)))


class Counting(io.FileIO):
    """A file that counts what is read of it."""

    taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.taken += len(data)
        return data


def test_a_file_of_an_hour_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "hour.wav"
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_U8") as file:
        minute = np.full((60 * 8000, 1), 0.1, np.float32)
        for _ in range(60):
            file.write(minute)
    with Counting(path) as file:
        with pytest.raises(AudioError, match=r"3600\.0 s long, more than the 600 s allowed"):
            audio.read(file, max_seconds=600)
        assert file.taken < 100_000


def test_a_long_file_whose_header_tells_no_length_is_refused_while_it_is_decoded():
    file = io.BytesIO()
    soundfile.write(file, noise(5).T, 48000, format="FLAC")
    data = bytearray(file.getvalue())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    with pytest.raises(AudioError, match="longer than the 2 s allowed|more than the 2 s allowed"):
        audio.read(io.BytesIO(bytes(data)), max_seconds=2)


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile secret.wav\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.wav\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_cannot_make_the_server_read_another_file(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret.wav"
    audio.write_wav(secret, noise(1), 48000)
    playlist = tmp_path / "clip.wav"
    playlist.write_text(script)
    with pytest.raises(AudioError, match="not audio"):
        audio.read(playlist)


def test_a_video_without_sound_is_refused():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as target:
        stream = target.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for packet in stream.encode(av.VideoFrame(64, 64, "yuv420p")):
            target.mux(packet)
        for packet in stream.encode(None):
            target.mux(packet)
    with pytest.raises(AudioError, match="no sound"):
        audio.read(file)


@pytest.mark.parametrize("rates", [(48000, 16000), (44100, 48000), (8000, 48000), (192000, 44100), (11025, 24000)])
def test_resampling_keeps_a_tone_its_level_its_time_and_the_length(rates):
    before, after = rates
    tone = sine(1000, 1, before, 0.5)[:, :-3]
    found = audio.resample(tone, before, after)
    assert found.shape == (1, round(tone.shape[1] * after / before))
    expected = sine(1000, 1, after, 0.5)[:, : found.shape[1]]
    middle = slice(found.shape[1] // 4, -found.shape[1] // 4)
    assert np.abs(found - expected)[:, middle].max() < 1e-3


def test_resampling_keeps_the_treble_and_lets_nothing_fold_back():
    kept = audio.resample(sine(20000, 1, 48000), 48000, 44100)[:, 8000:-8000]
    assert np.abs(kept).max() == pytest.approx(1, abs=0.01)
    folded = audio.resample(sine(9000, 1, 48000), 48000, 16000)[:, 4000:-4000]
    assert np.abs(folded).max() < 1e-6


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_clip_of_a_few_samples_can_be_resampled(n):
    assert audio.resample(np.ones((2, n), np.float32), 48000, 8000).shape == (2, max(1, round(n / 6)))
    assert audio.resample(np.ones((2, n), np.float32), 8000, 48000).shape == (2, 6 * n)


def test_loudness_of_the_recommendations_own_examples():
    assert audio.loudness(sine(997, 5), 48000) == pytest.approx(-3.01, abs=0.02)
    tone = sine(1000, 20, 48000, 10 ** (-23 / 20))
    assert audio.loudness(np.repeat(tone, 2, axis=0), 48000) == pytest.approx(-23, abs=0.1)
    # EBU Tech 3341, case 3: the quiet parts fall under the relative gate.
    quiet = 10 ** (-13 / 20)
    gated = np.concatenate([quiet * tone[:, :480000], tone, tone, tone, quiet * tone[:, :480000]], axis=1)
    assert audio.loudness(np.repeat(gated, 2, axis=0), 48000) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("rate", [16000, 24000, 32000, 44100])
def test_loudness_of_a_tone_is_the_same_at_every_rate(rate):
    tone = sine(997, 5, rate, 0.1)
    assert audio.loudness(tone, rate) == pytest.approx(-23.01, abs=0.05)


def test_loudness_of_silence_and_of_less_than_a_block():
    assert audio.loudness(np.zeros((1, 48000), np.float32), 48000) == float("-inf")
    assert audio.loudness(np.zeros((2, 1), np.float32), 48000) == float("-inf")
    assert audio.loudness(sine(997, 0.1), 48000) == pytest.approx(-3.01, abs=0.2)


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (24000, 2), (32000, 1), (44100, 2), (48000, 5)])
def test_loudness_equals_pyloudnorm(rate, channels):
    levels = 10 ** np.repeat(RNG.uniform(-2, 0, 43), rate // 10)  # both gates have something to do
    samples = noise(4.3, rate, channels) * levels.astype(np.float32)
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    theirs = meter.integrated_loudness(samples.T.astype(np.float64))
    assert audio.loudness(samples, rate) == pytest.approx(theirs, abs=1e-9)


def test_what_fills_no_gating_block_at_the_end_does_not_count():
    samples = noise(2.06)
    assert audio.loudness(samples, 48000) == audio.loudness(samples[:, : 2 * 48000], 48000)


def test_true_peak_is_found_between_the_samples():
    # A quarter of the sample rate, 45 degrees on: all samples at -3 dB of the wave's top.
    tone = np.sin(np.pi / 2 * np.arange(4800) + np.pi / 4).astype(np.float32)[None]
    assert np.abs(tone).max() < 0.71
    assert audio.true_peak(tone, 48000) == pytest.approx(0, abs=0.35)
    assert audio.true_peak(np.zeros((1, 10), np.float32), 48000) == float("-inf")
    assert audio.true_peak(np.ones((1, 1), np.float32), 48000) >= 0


@pytest.mark.parametrize("late", [-480, -3, 0, 1, 40, 1105])
@pytest.mark.parametrize("polarity", [1, -1])
def test_lag_is_found_either_way_and_with_turned_polarity(excerpt, late, polarity):
    clip = excerpt("speech_en_prompts", 2)
    moved = polarity * (np.pad(clip, ((0, 0), (late, 0))) if late >= 0 else clip[:, -late:])
    assert audio.lag(clip, moved, 48000) == late


@pytest.mark.parametrize("frequency", [60, 440, 3000])
def test_a_sine_is_not_taken_for_its_own_opposite(frequency):
    tone = sine(frequency, 1)
    assert audio.lag(tone, np.pad(tone, ((0, 0), (5, 0))), 48000) == 5


def test_lag_is_nought_where_there_is_nothing_to_find():
    signal, silence = noise(), np.zeros((1, 48000), np.float32)
    assert audio.lag(signal, silence, 48000) == 0
    assert audio.lag(silence, silence, 48000) == 0
    assert audio.lag(signal, noise(), 48000) == 0
    assert audio.envelope_lag(signal, silence, 48000) == 0
    assert audio.lag(silence[:, :0], silence[:, :0], 48000) == 0


def test_an_offset_does_not_hide_the_lag(excerpt):
    clip = excerpt("speech_en_prompts", 2)
    assert audio.lag(clip + 0.5, np.pad(clip, ((0, 0), (30, 0))) + 0.5, 48000) == 30


def test_lags_beyond_the_limit_are_not_reported():
    signal = noise()
    assert abs(audio.lag(signal, np.pad(signal, ((0, 0), (4000, 0))), 48000, max_seconds=0.05)) <= 2400


@pytest.mark.parametrize("milliseconds", [-7.0, 0.0, 2.5, 20.0])
def test_envelope_lag_of_another_waveform_of_the_same_course(excerpt, milliseconds):
    clip = excerpt("speech_en_prompts", 5, 16000)
    _, _, spectra = scipy.signal.stft(clip[0], nperseg=128)
    turned = spectra * np.exp(2j * np.pi * np.random.default_rng(1).random(spectra.shape))
    rendered = scipy.signal.istft(turned, nperseg=128)[1].astype(np.float32)[None, : clip.shape[1]]
    moved = np.roll(rendered, round(milliseconds * 16), axis=1)
    assert 1000 * audio.envelope_lag(clip, moved, 16000) == pytest.approx(milliseconds, abs=0.5)


def test_align_takes_the_lag_away_and_keeps_the_references_length(excerpt):
    clip = excerpt("music_tabla", 2)
    for late in (-25, 0, 312):
        moved = np.pad(clip, ((0, 0), (late, 50))) if late >= 0 else clip[:, -late:]
        aligned, removed = audio.align(clip, moved, 48000)
        assert removed == late
        assert aligned.shape == clip.shape
        assert np.array_equal(aligned[:, 500:-500], clip[:, 500:-500])


def test_wav_is_written_with_44_bytes_of_header_and_comes_back_to_the_bit(tmp_path):
    pcm = RNG.integers(-32768, 32768, (2, 1000))
    path = tmp_path / "clip.wav"
    audio.write_wav(path, (pcm / 32768).astype(np.float32), 44100)
    assert path.stat().st_size == 44 + 4000
    back, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate == 44100
    assert np.array_equal(back.T, pcm)


def test_wav_is_clipped_at_full_scale_and_never_wraps():
    file = io.BytesIO()
    audio.write_wav(file, np.array([[1.0, 1.5, -1.0, -2.0]], np.float32), 8000)
    assert soundfile.read(io.BytesIO(file.getvalue()), dtype="int16")[0].tolist() == [32767, 32767, -32768, -32768]


def test_mono_and_stereo_are_made_of_each_other():
    stereo = noise(0.01, channels=2)
    assert np.allclose(audio.to_channels(stereo, 1), stereo.mean(axis=0))
    assert np.array_equal(audio.to_channels(stereo[:1], 2), np.repeat(stereo[:1], 2, axis=0))

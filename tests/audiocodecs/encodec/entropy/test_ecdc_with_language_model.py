"""Entropy-coded ECDC files: the same bytes as the package `encodec` 0.1.1 writes, read by both."""

import io

import numpy as np
import pytest
import torch

from audiocodecs.base import CodecError, CodecUnavailable
from audiocodecs.encodec import ecdc
from audiocodecs.encodec.entropy.arithmetic_coder import ArithmeticDecoder, ArithmeticEncoder, published_cdfs
from audiocodecs.encodec.entropy.language_model import LanguageModel
from audiocodecs.encodec.entropy.loading import load_language_model
from audiocodecs.encodec.entropy.published_coding import PublishedCoding
from audiocodecs.encodec.entropy.settings import PUBLISHED_24KHZ, PUBLISHED_48KHZ

SETTINGS = {24_000: PUBLISHED_24KHZ, 48_000: PUBLISHED_48KHZ}
PARAMETERS = {24_000: 15_559_768, 48_000: 8_986_584}


@pytest.fixture(scope="module")
def stereo_model(package, clips):
    """The package's 48 kHz model with random weights and codebooks as wide as its latents."""
    torch.manual_seed(48)
    model = package.EncodecModel.encodec_model_48khz(pretrained=False)
    model.name = "encodec_48khz"
    with torch.no_grad():
        spread = model.encoder(clips["music_metal"][:, :24_000].repeat(1, 2, 1)).std()
        for layer in model.quantizer.vq.layers:
            layer._codebook.embed.copy_(spread * torch.randn_like(layer._codebook.embed))
            layer._codebook.inited.fill_(1)
            spread = spread * 0.8
    return model


@pytest.fixture(
    scope="module",
    params=[pytest.param(24_000, id="24 kHz"), pytest.param(48_000, id="48 kHz", marks=pytest.mark.slow)],
)
def pair(request, package):
    """The package's language model with weights that make it sure of itself, and ours with the same."""
    torch.manual_seed(request.param)
    settings = SETTINGS[request.param]
    theirs = package.model.LMModel(
        settings.codebooks, 1024, num_layers=5, dim=200, past_context=settings.past_context
    ).eval()
    with torch.no_grad():
        for linear in theirs.linears:
            linear.weight *= 6
    ours = LanguageModel(settings)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours.eval()


def test_the_layout_is_the_published_one(pair):
    theirs, ours = pair
    expected = {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
    assert list(expected.items()) == [(key, tuple(value.shape)) for key, value in ours.state_dict().items()]
    assert sum(parameter.numel() for parameter in ours.parameters()) in PARAMETERS.values()


@pytest.mark.slow
def test_the_probabilities_have_the_same_bits_and_are_far_from_equal(pair):
    theirs, ours = pair
    frames = 270 if ours.settings.past_context < 270 else 20  # longer than the context at 24 kHz
    codes = torch.randint(1024, (1, 4, frames), generator=torch.Generator().manual_seed(1))
    tokens = torch.zeros(1, 4, 1, dtype=torch.int64)
    their_states, our_states, offset, least = None, None, 0, 0.0
    for frame in range(frames):
        with torch.no_grad():
            expected, their_states, offset = theirs(tokens, their_states, offset)
        found, our_states = ours.step(tokens, our_states, frame)
        assert torch.equal(found, expected[0, :, :, 0])
        least += float(found.log2().mul(found).sum(0).neg().mean())
        tokens = codes[..., frame : frame + 1] + 1
    assert least / frames < 8


@pytest.mark.slow
def test_all_frames_at_once_are_predicted_as_one_after_another(pair):
    _, ours = pair
    codes = torch.randint(1024, (1, 3, 40), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        every = ours(codes).softmax(-1)
    tokens, states = torch.zeros(1, 3, 1, dtype=torch.int64), None
    for frame in range(40):
        found, states = ours.step(tokens, states, frame)
        torch.testing.assert_close(every[:, 0, frame].T, found, atol=1e-5, rtol=1e-3)
        tokens = codes[..., frame : frame + 1] + 1


@pytest.mark.slow  # `make test` compares a file of the codec's: test_encodec_entropy_option.py
def test_files_at_24_khz_are_identical_and_read_by_both(package, theirs, pair, short, monkeypatch):
    their_lm, our_lm = pair
    if our_lm.settings != PUBLISHED_24KHZ:
        pytest.skip("the other rate's model")
    monkeypatch.setitem(package.compress.__globals__["MODELS"], theirs.name, lambda: theirs)
    monkeypatch.setattr(theirs, "get_lm_model", lambda: their_lm, raising=False)
    theirs.set_target_bandwidth(6.0)
    samples = torch.from_numpy(short)[:, :14_000]
    written = package.compress(theirs, samples, use_lm=True)
    with torch.no_grad():
        [(codes, _)] = theirs.encode(samples[None])
    coder = PublishedCoding(our_lm)
    header = ecdc.Header(theirs.name, samples.shape[1], 8, True)
    ours = ecdc.write_header(header) + ecdc.pack_segments([ecdc.Segment(codes[0].numpy())], coder)
    assert ours == written
    sound, _ = package.decompress(ours)
    with torch.no_grad():
        assert torch.equal(sound, theirs.decode([(codes, None)])[0, :, : samples.shape[1]])
    found, payload = ecdc.read_ecdc(written, entropy_coded=True)
    assert found == header
    [segment] = ecdc.unpack_entropy_coded(payload, 8, [44], False, coder)
    np.testing.assert_array_equal(segment.codes, codes[0].numpy())


@pytest.mark.slow
def test_files_at_48_khz_are_identical_and_read_by_both(package, stereo_model, pair, clips, monkeypatch):
    their_lm, our_lm = pair
    if our_lm.settings != PUBLISHED_48KHZ:
        pytest.skip("the other rate's model")
    monkeypatch.setitem(package.compress.__globals__["MODELS"], stereo_model.name, lambda: stereo_model)
    monkeypatch.setattr(stereo_model, "get_lm_model", lambda: their_lm, raising=False)
    stereo_model.set_target_bandwidth(3.0)
    samples = torch.cat([clips["music_metal"][:, :49_000], clips["music_tabla"][:, :49_000]])
    written = package.compress(stereo_model, samples, use_lm=True)
    with torch.no_grad():
        frames = stereo_model.encode(samples[None])
    assert len(frames) == 2
    segments = [ecdc.Segment(codes[0].numpy(), float(scale)) for codes, scale in frames]
    assert len(np.unique(segments[0].codes)) > 20
    coder = PublishedCoding(our_lm)
    header = ecdc.Header(stereo_model.name, samples.shape[1], 2, True)
    ours = ecdc.write_header(header) + ecdc.pack_segments(segments, coder)
    assert ours == written
    sound, _ = package.decompress(ours)
    with torch.no_grad():
        assert torch.equal(sound, stereo_model.decode(frames)[0, :, : samples.shape[1]])
    _, payload = ecdc.read_ecdc(written, entropy_coded=True)
    counts = [part.codes.shape[1] for part in segments]
    found = ecdc.unpack_entropy_coded(payload, 2, counts, True, coder)
    for part, expected in zip(found, segments, strict=True):
        np.testing.assert_array_equal(part.codes, expected.codes)
        assert part.scale == expected.scale
    for damaged in (payload[:-1], payload + b"x", payload[:2], b"\xff" * 4 + payload[4:]):
        with pytest.raises(CodecError):
            ecdc.unpack_entropy_coded(damaged, 2, counts, True, coder)


def test_the_coder_gives_the_bits_of_the_packages_on_extreme_probabilities(package):
    from encodec.quantization.ac import ArithmeticCoder, build_stable_quantized_cdf

    random = np.random.default_rng(5)
    theirs_out = io.BytesIO()
    theirs, ours = ArithmeticCoder(theirs_out), ArithmeticEncoder()
    symbols, tables = [], []
    for step in range(3000):
        logits = torch.from_numpy(random.normal(0, (0.1, 3, 8)[step % 3], 1024).astype(np.float32))
        probabilities = logits.softmax(0)
        table = published_cdfs(probabilities[:, None])[0]
        np.testing.assert_array_equal(table, build_stable_quantized_cdf(probabilities, 24, check=False).numpy())
        symbol = int(random.integers(1024)) if step % 5 == 0 else int(probabilities.argmax())
        theirs.push(symbol, torch.from_numpy(table))
        ours.push(symbol, table)
        symbols.append(symbol)
        tables.append(table)
    theirs.flush()
    data = ours.finish()
    assert data == theirs_out.getvalue()
    decoder = ArithmeticDecoder(data + b"more")
    assert [decoder.pull(table) for table in tables] == symbols
    assert decoder.consumed == len(data)


def test_a_table_that_the_format_cannot_hold_is_an_error_and_not_noise():
    """A probability of 1 beside rounding: the package's ranges then end above 2**24, and it fails an assertion."""
    table = published_cdfs(torch.eye(1024)[:, :1])[0]
    table[-1] = 2**24 + 1
    encoder = ArithmeticEncoder()
    with pytest.raises(CodecError, match="RVQF"):
        encoder.push(1023, table)


def test_a_language_model_is_loaded_from_its_file_or_says_what_is_wrong(pair, tmp_path):
    _, ours = pair
    path = tmp_path / "lm.th"
    torch.save(ours.state_dict(), path)
    loaded = load_language_model(path, ours.settings)
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in ours.state_dict().items())
    other = PUBLISHED_48KHZ if ours.settings == PUBLISHED_24KHZ else PUBLISHED_24KHZ
    with pytest.raises(CodecUnavailable, match="entries are"):
        load_language_model(path, other)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(CodecUnavailable, match="cannot be read"):
        load_language_model(path, ours.settings)
    with pytest.raises(CodecUnavailable, match="There is no"):
        load_language_model(tmp_path / "none.th", ours.settings)

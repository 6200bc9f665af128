"""Downloads against a real HTTP server on this machine."""

import hashlib
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from audiocodecs.encodec import checkpoints, fetch
from audiocodecs.encodec.checkpoints import PUBLISHED, Checkpoint
from audiocodecs.encodec.fetch import FetchError
from audiocodecs.encodec.layouts import in_transformers
from audiocodecs.encodec.model import ENCODEC_24KHZ, ENCODEC_48KHZ, EncodecModel
from audiocodecs.registry import get_codec

CONTENT = np.random.default_rng(7).bytes(700_000)
CHECKPOINT = Checkpoint("encodec_24khz", "encodec-test.th", hashlib.sha256(CONTENT).hexdigest()[:8], len(CONTENT))


@dataclass
class Site:
    """What the server serves and how, and what it was asked."""

    url: str = ""
    content: bytes = CONTENT
    file: str = CHECKPOINT.file
    status: int = 200
    ranges: bool = True
    say_length: bool = True
    shift: int = 0
    cut_after: list[int] = field(default_factory=list)  # bytes of the body, one entry for each request to spoil
    gone_after: int | None = None  # bytes of the body, after which the server is gone
    asked: list[str | None] = field(default_factory=list)  # the Range header of each request


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server.site
        asked = self.headers.get("Range")
        site.asked.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and site.ranges else 0
        if site.status != 200 or self.path != f"/v0/{site.file}":
            self.send_error(site.status if site.status != 200 else 404)
            return
        if start and start >= len(site.content):
            self.send_error(416)
            return
        body = site.content[start + (site.shift if start else 0) :]
        self.send_response(206 if start else 200)
        if start:
            first = start + site.shift
            self.send_header("Content-Range", f"bytes {first}-{len(site.content) - 1}/{len(site.content)}")
        if site.say_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if site.gone_after is not None:
            self.server.shutdown()
            self.server.server_close()
            body = body[: site.gone_after]
        self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_port}/v0")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def part_of(directory: Path) -> Path:
    return directory / (CHECKPOINT.file + ".part")


def assert_whole(directory: Path) -> None:
    assert (directory / CHECKPOINT.file).read_bytes() == CONTENT
    assert not part_of(directory).exists()


def test_a_whole_download_gets_its_name(site, tmp_path):
    path = fetch.download(CHECKPOINT, tmp_path / "new" / "folder", site.url)
    assert path == tmp_path / "new" / "folder" / CHECKPOINT.file
    assert_whole(path.parent)


def test_what_is_there_is_not_downloaded_again(site, tmp_path):
    for _ in range(2):
        fetch.download(CHECKPOINT, tmp_path, site.url + "/")
    assert site.asked == [None]


def test_a_damaged_file_is_replaced(site, tmp_path):
    (tmp_path / CHECKPOINT.file).write_bytes(CONTENT[:-1])
    fetch.download(CHECKPOINT, tmp_path, site.url)
    assert_whole(tmp_path)


def test_a_connection_that_breaks_is_continued_where_it_ended(site, tmp_path):
    site.cut_after = [300_000, 100_000]
    fetch.download(CHECKPOINT, tmp_path, site.url)
    assert site.asked == [None, "bytes=300000-", "bytes=400000-"]
    assert_whole(tmp_path)


def test_a_server_that_always_breaks_off_leaves_a_part_for_the_next_run(site, tmp_path):
    site.cut_after = [300_000] + [0] * fetch.ATTEMPTS
    with pytest.raises(FetchError, match=r"300,000 of 700,000 bytes.*Run the command again"):
        fetch.download(CHECKPOINT, tmp_path, site.url)
    assert part_of(tmp_path).read_bytes() == CONTENT[:300_000]
    assert not (tmp_path / CHECKPOINT.file).exists()

    site.asked.clear()
    fetch.download(CHECKPOINT, tmp_path, site.url)
    assert site.asked == ["bytes=300000-"]
    assert_whole(tmp_path)


def test_a_part_that_is_already_everything_is_finished(site, tmp_path):
    part_of(tmp_path).write_bytes(CONTENT)
    fetch.download(CHECKPOINT, tmp_path, site.url)
    assert site.asked == [f"bytes={len(CONTENT)}-"]
    assert_whole(tmp_path)


def test_a_server_without_ranges_sends_all_of_it_again(site, tmp_path):
    part_of(tmp_path).write_bytes(CONTENT[:1000])
    site.ranges = False
    fetch.download(CHECKPOINT, tmp_path, site.url)
    assert site.asked == ["bytes=1000-"]
    assert_whole(tmp_path)


def test_a_server_that_sends_another_range_is_not_believed(site, tmp_path):
    site.cut_after = [1000]
    site.shift = 10
    fetch.download(CHECKPOINT, tmp_path, site.url)
    assert site.asked == [None, "bytes=1000-", None]
    assert_whole(tmp_path)


@pytest.mark.parametrize("part", [b"damaged" * 100, CONTENT + b"too long"])
def test_a_damaged_part_is_thrown_away_and_the_file_fetched_anew(site, tmp_path, part):
    part_of(tmp_path).write_bytes(part)
    fetch.download(CHECKPOINT, tmp_path, site.url)
    assert site.asked == [f"bytes={len(part)}-", None]
    assert_whole(tmp_path)


def test_a_file_with_the_wrong_hash_is_refused_and_deleted(site, tmp_path):
    site.content = b"<html>log in first</html>"
    with pytest.raises(FetchError, match=r"not the published file.*" + CHECKPOINT.sha256):
        fetch.download(CHECKPOINT, tmp_path, site.url)
    assert list(tmp_path.iterdir()) == []
    assert len(site.asked) == 1


def test_a_file_cut_off_by_a_server_that_says_no_length_is_refused(site, tmp_path):
    site.say_length = False
    site.cut_after = [1000]
    with pytest.raises(FetchError, match="not the published file"):
        fetch.download(CHECKPOINT, tmp_path, site.url)


def test_a_file_without_end_is_refused_before_it_fills_the_disk(site, tmp_path):
    site.say_length = False
    site.content = CONTENT * 5
    with pytest.raises(FetchError, match="sends more"):
        fetch.download(CHECKPOINT, tmp_path, site.url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "text"), [(404, "does not exist"), (403, "refuses it"), (503, "HTTP 503.*Try again later")]
)
def test_a_status_is_explained(site, tmp_path, status, text):
    site.status = status
    with pytest.raises(FetchError, match=text):
        fetch.download(CHECKPOINT, tmp_path, site.url)


def test_an_unknown_address_on_the_server_is_explained(site, tmp_path):
    with pytest.raises(FetchError, match="does not exist"):
        fetch.download(CHECKPOINT, tmp_path, site.url + "/elsewhere")


def test_a_refused_connection_is_explained(site, tmp_path):
    closed = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = closed.server_port
    closed.server_close()
    with pytest.raises(FetchError, match=r"cannot be reached.*refused.*copy the file"):
        fetch.download(CHECKPOINT, tmp_path, f"http://127.0.0.1:{port}")


def test_no_network_is_explained(tmp_path):
    with pytest.raises(FetchError, match=r"cannot be reached.*Check the network"):
        fetch.download(CHECKPOINT, tmp_path, "http://name-that-cannot-exist.invalid/")


def test_a_server_that_is_gone_half_way_leaves_a_part_for_the_next_run(site, tmp_path):
    site.gone_after = 300_000
    with pytest.raises(FetchError, match=r"cannot be reached.*run the command again: it continues"):
        fetch.download(CHECKPOINT, tmp_path, site.url)
    assert list(tmp_path.iterdir()) == [part_of(tmp_path)]
    assert part_of(tmp_path).read_bytes() == CONTENT[:300_000]


@pytest.mark.parametrize("url", ["http://127.0.0.1:port/v0", "http://[127.0.0.1/v0", "http://a server/v0"])
def test_a_mirrors_address_with_a_mistake_is_explained(tmp_path, url):
    with pytest.raises(FetchError, match=r"is not an address.*ENCODEC_BASE_URL"):
        fetch.download(CHECKPOINT, tmp_path, url)
    assert list(tmp_path.iterdir()) == []


def test_only_http_addresses_are_taken(tmp_path):
    with pytest.raises(FetchError, match="not an http"):
        fetch.download(CHECKPOINT, tmp_path, tmp_path.as_uri())


def test_a_full_disk_is_explained(site, tmp_path):
    part_of(tmp_path).symlink_to("/dev/full")
    with pytest.raises(FetchError, match="disk .* is full"):
        fetch.download(CHECKPOINT, tmp_path, site.url)


def test_a_folder_that_cannot_be_made_is_explained(site, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match="cannot be written"):
        fetch.download(CHECKPOINT, tmp_path / "file", site.url)


def test_the_command_says_the_licences_and_where_the_file_is(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    assert fetch.main(["--base-url", site.url], {"encodec_24khz": CHECKPOINT}) == 0
    output = capsys.readouterr().out
    assert checkpoints.CODE_LICENCE in output
    assert "not stated" in output
    assert str(tmp_path / CHECKPOINT.file) in output
    assert_whole(tmp_path)


def test_the_command_fails_with_the_reason(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ENCODEC_BASE_URL", site.url)
    site.status = 404
    assert fetch.main(["encodec_24khz", "--dir", str(tmp_path)], {"encodec_24khz": CHECKPOINT}) == 1
    assert "does not exist (HTTP 404)" in capsys.readouterr().err


def test_a_checkpoint_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit):
        fetch.main(["encodec_99khz"])
    assert "there are: encodec_24khz" in capsys.readouterr().err


def weights_files(folder, of_model):
    """The same weights in every form in which they are published."""
    torch.manual_seed(4)
    model = EncodecModel(replace(of_model, filters=8))
    for codebook in model.quantizer.codebooks:
        codebook.embed.normal_(std=0.3)
    state = model.state_dict()
    torch.save(state, folder / "zip.th")
    torch.save(state, folder / "older.th", _use_new_zipfile_serialization=False)
    save_file({in_transformers(name): value for name, value in state.items()}, folder / "model.safetensors")
    return ("zip.th", "older.th", "model.safetensors")


@pytest.mark.parametrize("of_model", [ENCODEC_24KHZ, ENCODEC_48KHZ], ids=lambda of_model: of_model.name)
def test_weights_of_both_layouts_that_were_downloaded_code_alike(site, tmp_path, of_model):
    (source := tmp_path / "source").mkdir()
    sound = np.random.default_rng(2).normal(0, 0.1, (of_model.channels, 4_000)).astype(np.float32)
    files = []
    for name in weights_files(source, of_model):
        site.file, site.content = name, (source / name).read_bytes()
        checkpoint = Checkpoint(name, name, hashlib.sha256(site.content).hexdigest()[:8], len(site.content))
        assert fetch.main(["--base-url", site.url, "--dir", str(tmp_path / "models")], {name: checkpoint}) == 0
        fetched = tmp_path / "models" / name
        files.append(get_codec(f"{of_model.name}@6:weights={fetched}").encode(sound, of_model.rate).container)
    assert files[0] == files[1] == files[2]


MAKEFILE = (Path(__file__).parents[3] / "Makefile").read_text()
MAKE_MODELS = re.search(r"^models:.*\n\t@\$\(BIN\)/python (.*)$", MAKEFILE, re.MULTILINE)[1].split()


def make_models(site, directory):
    """Run what `make models` runs, against the server."""
    environment = {**os.environ, "ENCODEC_BASE_URL": site.url, "ENCODEC_MODEL_DIR": str(directory)}
    return subprocess.run(
        [sys.executable, *MAKE_MODELS], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"status": 404}, r"does not exist \(HTTP 404\)\. .* Check the mirror's address"),
        ({}, r"not the published file: its sha256 starts with [0-9a-f]{8}, not d7cc33bc\. It was deleted\. .* Check"),
        ({"cut_after": [0] * fetch.ATTEMPTS}, r"ended after 0 of 700,000 bytes\. Run the command again"),
        ({"gone_after": 0}, r"cannot be reached: .*\. Check the network .* run the command again"),
    ],
    ids=["404", "another file", "cut off", "server gone"],
)
def test_make_models_says_what_to_do_and_leaves_nothing_half_written(site, tmp_path, fault, text):
    site.file = PUBLISHED["encodec_24khz"].file
    for name, value in fault.items():
        setattr(site, name, value)
    done = make_models(site, tmp_path)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("fetch failed: ")]
    assert re.search(text, line)
    assert "Traceback" not in done.stderr
    assert [path for path in tmp_path.iterdir() if path.stat().st_size] == []

"""Codecs that are programs, told in a command line, and what they may do."""

import os
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from audiocodecs import confined
from audiocodecs.base import CodecError, CodecUnavailable, Spec, UnknownCodec
from audiocodecs.command import Command, Template, arguments

CLIP = (np.sin(np.arange(4800) / 9) * 0.5).astype(np.float32)[None]
ENCODES = """
data = open(sys.argv[2], "rb").read()
open(sys.argv[3], "wb").write(data[44::4])  # every other sample's low byte: some bits of it
"""
DECODES = """
import struct
n = os.path.getsize(sys.argv[1]) * 2
body = b"".join(struct.pack("<h", i % 99) for i in range(n))
form = struct.pack("<IHHIIHH", 16, 1, 1, 48000, 96000, 2, 16)
head = b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt " + form + b"data" + struct.pack("<I", len(body))
open(sys.argv[2], "wb").write(head + body)
"""
COPIES = "open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read())"


@pytest.fixture
def programs(tmp_path):
    """Call it with names and lines of Python: programs that may be called."""

    def make(**bodies):
        for name, body in bodies.items():
            path = tmp_path / name
            path.write_text(f"#!{sys.executable} -IS\nimport os, sys\n{body}\n")
            path.chmod(0o755)
        return {name: str(tmp_path / name) for name in bodies}

    return make


def through(programs, encode, decode="", kbps=None, **limits):
    codec = Command(Spec("command", kbps), Template(encode, decode), programs, confined.Limits(**limits))
    encoded = codec.encode(CLIP, 48000)
    return encoded, codec.decode(encoded)


def test_a_pair_of_commands_is_measured_by_the_file_between_them(programs):
    pair = programs(enc=ENCODES, dec=DECODES)
    encoded, (decoded, rate) = through(pair, "enc {kbps} {input} {output}.bin", "dec {input} {output}.wav", 6)
    assert (decoded.shape, rate) == ((1, 4800), 48000)
    assert encoded.kbps == pytest.approx(2400 * 8 / 0.1 / 1000)


def test_one_command_gives_decoded_sound_and_no_bitrate(programs):
    encoded, (decoded, _) = through(programs(copy=COPIES), "copy {input} {output}.wav")
    assert encoded.kbps is None
    assert np.abs(decoded - CLIP).max() < 1 / 32768


def test_the_version_changes_with_the_command_and_with_the_program(programs):
    def version(line, **bodies):
        return Command(Spec("command"), Template(line), programs(**bodies)).version

    first = version("copy {input} {output}", copy=COPIES)
    assert version("copy {input} {output}.wav", copy=COPIES) != first
    assert version("copy {input} {output}", copy=COPIES + "  # 2") != first
    assert version("copy {input} {output}", copy=COPIES) == first


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("rm {input} {output}", "'rm' is not allowed here. Allowed: codec."),
        ("/bin/codec {input} {output}", "is not allowed"),
        ("codec /etc/passwd {input} {output}", "no paths"),
        ("codec ../x {input} {output}", "no paths"),
        ("codec ~ {input} {output}", "no paths"),
        ("codec {input} {output}; rm x", "no paths"),
        ("codec $HOME {input} {output}", "no paths"),
        ("codec 'a b' {input} {output}", "no paths"),
        ("codec {input}", "no {output}"),
        ("codec {input} {output} {bitrate}", "{bitrate} means nothing"),
        ("codec {input} {output} {kbps}", "no bitrate was given"),
        ("codec {input} {output}_{rate}", "only an ending"),
        ("codec 'x {input} {output}", "Close its quotes"),
        ("", "empty"),
    ],
)
def test_what_a_command_line_may_not_have_is_said(programs, line, why):
    with pytest.raises((UnknownCodec, CodecUnavailable)) as fault:
        arguments(line, programs(codec="pass"), {"kbps": None})
    assert why in str(fault.value)


@pytest.mark.parametrize(
    ("body", "limits", "why"),
    [
        ("sys.exit('no licence found')", {}, "codec ended with 1. It said: no licence found"),
        ("pass", {}, "codec wrote no file output"),
        ("open(sys.argv[2], 'wb').write(b'x' * 999)", {}, "codec wrote no sound that can be used"),
        ("os.abort()", {}, "codec was ended by SIGABRT"),
        (
            "import time; print('waiting', flush=True); time.sleep(60)",
            {"seconds": 1},
            "end within 1 s. It said: waiting",
        ),
        ("while True: pass", {"cpu_seconds": 1}, "it may use 1 s of the processor"),
        ("x = bytearray(3 * 10**9)", {"memory": 10**9}, "MemoryError"),
        ("open(sys.argv[2], 'wb').write(bytes(10**6))", {"file_size": 10**5}, "codec"),
    ],
    ids=["refuses", "writes nothing", "no sound", "crashes", "hangs", "spins", "takes memory", "fills the disk"],
)
def test_a_program_that_misbehaves_is_ended_and_quoted(programs, body, limits, why):
    with pytest.raises(CodecError) as fault:
        through(programs(codec=body), "codec {input} {output}", **limits)
    assert why in str(fault.value)


def test_it_gets_no_environment_and_a_folder_of_its_own(programs, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not yours")
    body = "sys.exit(' '.join([*sorted(os.environ), os.getcwd(), *sorted(os.listdir())]))"
    with pytest.raises(CodecError) as fault:
        through(programs(codec=body), "codec {input} {output}")
    said = str(fault.value)
    assert "SECRET_KEY" not in said
    assert "command-" in said
    assert said.endswith(".said input.wav")
    assert not Path(said.split()[-3]).exists()


def test_what_it_started_ends_with_it(programs, tmp_path):
    body = f"""
import time
if os.fork() == 0:
    {"os.setsid()" if confined.namespaces()[1:] and "--pid" in confined.namespaces() else "pass"}
    time.sleep(1.5)
    open({str(tmp_path / "left")!r}, "w")
    os._exit(0)
open(sys.argv[2], "wb").write(open(sys.argv[1], "rb").read())
"""
    through(programs(codec=body), "codec {input} {output}.wav")
    time.sleep(2)
    assert not (tmp_path / "left").exists()


def test_it_has_no_network_where_the_system_can_take_it(programs):
    if not confined.without_network():
        pytest.skip("this system makes no namespaces for a user")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        body = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 3)"
        with pytest.raises(CodecError, match="OSError|Error: "):
            through(programs(codec=body), "codec {input} {output}")


def test_it_can_start_only_so_many_processes(programs):
    if os.getuid() == 0:
        pytest.skip("no limit on processes holds for root")
    body = "for n in range(99):\n    if os.fork() == 0: os._exit(__import__('time').sleep(2) or 0)"
    with pytest.raises(CodecError, match="BlockingIOError"):
        through(programs(codec=body), "codec {input} {output}", processes=20)

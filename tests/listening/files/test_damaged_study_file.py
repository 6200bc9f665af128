"""Whatever is wrong with a study's file is said, and nothing of it is left behind."""

import errno
import hashlib
import io
import json
import re
import stat
import zipfile

import pytest
from django.core.management import CommandError, call_command

from listening.models import Clip, Rater, Rendering, Study
from listening.storage import AtomicFileSystemStorage
from tests.listening.files.conftest import inside


@pytest.fixture
def parts(exported, owner, media):
    """What the file holds, to be changed."""
    return inside(exported)


def zipped(parts, path, *, sums=True, change=lambda info: info, twice=()):
    """Write a file of these parts; with checksums that fit them, unless those are to stay."""
    if sums:
        lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(parts.items())]
        parts = {**parts, "SHA256SUMS": "".join(line for line in lines if "SHA256SUMS" not in line).encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [*parts.items(), *((name, parts[name]) for name in twice)]:
            archive.writestr(change(zipfile.ZipInfo(name)), content, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture
def refused(media, tmp_path):
    """Import a file that must be refused: with these words, and with nothing left behind."""

    def check(words, path):
        with pytest.raises(CommandError, match=words) as fault:
            call_command("import_study", path, stdout=io.StringIO())
        assert "Nothing was imported" in str(fault.value)
        assert not Study.objects.exists()
        assert not Rater.objects.exists()
        assert [str(path) for path in media.rglob("*") if path.is_file()] == []

    return check


def edited(parts, name, pattern, by, count=1):
    text, n = re.subn(pattern, by, parts[name].decode(), count=count)
    assert n, f"{pattern} is not in {name}"
    return {**parts, name: text.encode()}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off(share, exported, owner, refused, tmp_path):
    content = exported.read_bytes()
    (tmp_path / "cut.zip").write_bytes(content[: int(len(content) * share)])
    refused("no whole zip", tmp_path / "cut.zip")


def test_a_file_that_is_not_there(exported, owner, refused, tmp_path):
    refused("nothing.zip can't be read: No such file", tmp_path / "nothing.zip")


def test_a_flipped_byte_anywhere_among_the_sounds(exported, owner, refused, tmp_path):
    content = bytearray(exported.read_bytes())
    for place in range(len(content) // 7, len(content) * 6 // 7, len(content) // 7):
        content[place] ^= 0x40
        (tmp_path / "flipped.zip").write_bytes(content)
        refused("damaged|checksum|no whole zip|holds '", tmp_path / "flipped.zip")
        content[place] ^= 0x40


def test_a_changed_sound_or_score_without_its_checksum(parts, refused, tmp_path):
    name = next(name for name in parts if name.startswith("stimuli/"))
    changed = {**parts, name: parts[name][:-1] + b"\x01"}
    refused(f"{name} is not what was exported", zipped(changed, tmp_path / "a.zip", sums=False))
    scored = edited(parts, "data/ratings.jsonl", '"score":70', '"score":90')
    refused("ratings.jsonl is not what was exported", zipped(scored, tmp_path / "b.zip", sums=False))


def test_a_changed_sound_whose_name_no_longer_fits(parts, refused, tmp_path):
    for folder in ("stimuli", "references", "packed"):
        name = next(name for name in parts if name.startswith(f"{folder}/"))
        path = zipped({**parts, name: parts[name] + b"\0"}, tmp_path / f"{folder}.zip")
        refused(f"{name} is not named by its own c", path)


def test_missing_and_superfluous_parts(parts, refused, tmp_path):
    for name in ("study.yaml", "versions.json", "data/renderings.jsonl"):
        less = {other: content for other, content in parts.items() if other != name}
        refused(f"{name} is not in it", zipped(less, tmp_path / "less.zip"))
    clip = next(name for name in parts if name.startswith("clips/"))
    less = {other: content for other, content in parts.items() if other != clip}
    refused(f"{clip} is missing in the file", zipped(less, tmp_path / "clip.zip", sums=False))
    refused(f"the file '{clip}' is not there", zipped(less, tmp_path / "sums.zip"))
    refused("clips/more.wav belongs to nothing", zipped({**parts, "clips/more.wav": b"RIFF"}, tmp_path / "more.zip"))
    unlisted = {**parts, "report/more.html": b""}
    refused("report/more.html has no checksum", zipped(unlisted, tmp_path / "unlisted.zip", sums=False))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../evil.wav",
            "clips/../../evil.wav",
            "/etc/evil",
            "C:\\evil.wav",
            "clips\\evil.wav",
            "clips/",
            "clips/a b.wav",
        ),
        *("clips/..", "data/other.jsonl", "stimuli/short.wav", "clips/.hidden", "clips/a\nb.wav", "manage.py", "CON"),
    ],
)
def test_hostile_names(name, parts, refused, tmp_path):
    refused("no study's file does|twice", zipped({**parts, name: b"x"}, tmp_path / "hostile.zip"))
    assert not list(tmp_path.parent.rglob("evil*"))


def test_links_double_names_and_passwords(parts, refused, tmp_path):
    def link(info):
        info.external_attr = (stat.S_IFLNK | 0o777) << 16 if info.filename.startswith("clips/001") else 0
        return info

    refused("is a link or no plain file", zipped(parts, tmp_path / "link.zip", change=link))
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(parts, tmp_path / "twice.zip", twice=["data/log.jsonl"])
    refused("twice", path)
    content = bytearray(zipped(parts, tmp_path / "locked.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    refused("is encrypted", tmp_path / "locked.zip")


def test_bombs(parts, refused, tmp_path, settings):
    settings.MAX_STUDY_FILE_MB = 20
    refused("more than the 20 MB allowed", zipped({**parts, "clips/zero.wav": bytes(30_000_000)}, tmp_path / "big.zip"))
    content = bytearray((tmp_path / "big.zip").read_bytes())
    place = content.index((30_000_000).to_bytes(4, "little"), content.index(b"PK\x01\x02"))
    content[place : place + 4] = (1000).to_bytes(4, "little")  # it says that it is small
    (tmp_path / "liar.zip").write_bytes(content)
    refused("damaged|checksum", tmp_path / "liar.zip")
    laughs = "".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]\n" for i in range(1, 12))
    refused(
        "Write the value out", zipped({**parts, "study.yaml": f"b0: &b0 ha\n{laughs}".encode()}, tmp_path / "b.zip")
    )
    deep = {**parts, "study.yaml": b"[" * 5000}
    refused("study.yaml", zipped(deep, tmp_path / "deep.zip"))
    line = {**parts, "data/log.jsonl": b'{"id":1,"what":"' + b"x" * 3_000_000}
    refused("longer than", zipped(line, tmp_path / "line.zip"))


@pytest.mark.parametrize(
    ("name", "pattern", "by", "words"),
    [
        ("study.yaml", "format: 1", "format: 7", "its form is 7, this version of evalapp reads 1"),
        ("study.yaml", "title: Speech", "titel: Speech", "there is no field titel"),
        ("study.yaml", "title: Speech\n", "", "title is missing"),
        ("study.yaml", "rate: 48000", "rate: 47000", "rate: 47000 can't stand there"),
        ("study.yaml", "rate: 48000", "rate: true", "rate: True can't stand there"),
        ("study.yaml", "slug: speech", "slug: ../x", "slug: '../x' can't stand there"),
        ("study.yaml", "repeats: 1", "repeats: many", "protocol: repeats"),
        ("study.yaml", "bs1534_hidden_reference", "whim", "screening: rules are"),
        ("study.yaml", "spec: lowpass@7000", "spec: warp@9", "There is no codec 'warp'"),
        ("study.yaml", "margin: 8.0", "margin:", "primary_claim: no worse needs a margin"),
        ("study.yaml", "against: reference", "against: opus@12", "primary_claim: it compares a system with another"),
        ("study.yaml", "spec: reference", "spec: opus@24", "primary_claim: there is no condition 'reference'"),
        ("study.yaml", "state: closed", "state: rendering", "while it is rendered"),
        ("study.yaml", "state: closed", "state: ready", "said to be ready, and has raters"),
        ("study.yaml", "created_at: .*", "created_at: yesterday", "created_at: 'yesterday' can't stand there"),
        ("data/renderings.jsonl", '"state":"done"', '"state":"running"', "only what is done or failed"),
        ("data/renderings.jsonl", '"state":"done"', '"state":"failed"', "not every stimulus is in the file"),
        ("data/renderings.jsonl", '"clip":1', '"clip":9', "there is no row 9 of clips"),
        ("data/ratings.jsonl", '"score":70', '"score":170', "score: 170 can't stand there"),
        ("data/ratings.jsonl", '"score":70', '"score":"70"', "score: '70' can't stand there"),
        ("data/ratings.jsonl", '"slot":1', '"slot":2', "rows of the file don't fit together"),
        ("data/ratings.jsonl", '"id":2,', '"id":3,', "its id is 3, not 2"),
        ("data/sessions.jsonl", r'\["consent",""\]', '["nowhere",""]', "its way through the study is none"),
        ("data/sessions.jsonl", '"headphones":..', '"headphones":[7,', "headphone tests are none|no row in JSON"),
        ("data/answers.jsonl", "{", "{,", "answers.jsonl, line 1: this is no row in JSON"),
        ("data/events.jsonl", '"count":2', '"count":3', "more or fewer events than it says"),
        ("data/raters.jsonl", '"code":"R', '"code":"\\\\u0000R', "a NUL can't stand there"),
    ],
)
def test_rows_that_no_study_has(name, pattern, by, words, parts, refused, tmp_path):
    refused(words, zipped(edited(parts, name, pattern, by), tmp_path / "changed.zip"))


def test_a_sound_that_belongs_to_another_row(parts, refused, tmp_path):
    rows = [json.loads(line) for line in parts["data/renderings.jsonl"].decode().splitlines()]
    rows[0]["stimulus"], rows[1]["stimulus"] = rows[1]["stimulus"], rows[0]["stimulus"]
    swapped = {**parts, "data/renderings.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()}
    refused("is another file than the one that was rated", zipped(swapped, tmp_path / "s.zip"))
    rows[0]["stimulus"], rows[1]["stimulus"] = rows[1]["stimulus"], rows[0]["stimulus"]
    rows[0]["packed"], rows[1]["packed"] = rows[1]["packed"], rows[0]["packed"]
    swapped = {**parts, "data/renderings.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()}
    refused("belongs to another sound", zipped(swapped, tmp_path / "p.zip"))


def test_a_disk_that_fills_up_in_the_middle(exported, owner, refused, monkeypatch):
    kept, n = AtomicFileSystemStorage._save, 0

    def fills_up(self, name, content):
        nonlocal n
        n += 1
        if n > 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        return kept(self, name, content)

    monkeypatch.setattr(AtomicFileSystemStorage, "_save", fills_up)
    refused("could not be stored: the disk is full. Make room", exported)
    assert n == 10


def test_files_that_another_study_has_stay_when_an_import_fails(parts, exported, owner, media, tmp_path):
    call_command("import_study", exported, stdout=io.StringIO())
    there = {path for path in media.rglob("*") if path.is_file()}
    broken = zipped(edited(parts, "data/ratings.jsonl", '"slot":1', '"slot":2'), tmp_path / "b.zip")
    with pytest.raises(CommandError, match="don't fit together"):
        call_command("import_study", broken, slug="again", stdout=io.StringIO())
    assert {path for path in media.rglob("*") if path.is_file()} == there
    assert Study.objects.count() == 1


def test_what_was_imported_is_no_stimulus_for_other_studies(exported, owner):
    call_command("import_study", exported, stdout=io.StringIO())
    assert set(Rendering.objects.values_list("imported", flat=True)) == {True}
    assert Clip.objects.filter(reference="").count() == 0

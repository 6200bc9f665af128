"""`manage.py analyze`: the report of a study in a folder."""

import io

import pytest
from django.core.management import CommandError, call_command

from listening.models import AuditLine


def test_it_writes_the_report_after_the_studys_own_rules(closed, tmp_path):
    out = io.StringIO()
    call_command("analyze", "speech", output=tmp_path / "found", stdout=out, stderr=io.StringIO())
    assert "excluded." in out.getvalue()
    assert (tmp_path / "found" / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "hidden reference below 90 in 2 of 2 trials" in (tmp_path / "found" / "report.html").read_text()


def test_of_an_open_study_it_warns_and_leaves_a_line_in_the_log(rated, tmp_path):
    err = io.StringIO()
    call_command("analyze", rated.study.slug, output=tmp_path, stdout=io.StringIO(), stderr=err)
    assert "is open" in err.getvalue()
    assert "while the study was open" in AuditLine.objects.filter(study=rated.study).latest("id").what


def test_without_ratings_and_of_no_study_it_says_so(opened, tmp_path):
    with pytest.raises(CommandError, match="nobody has rated this study's sounds"):
        call_command("analyze", opened.slug, output=tmp_path / "x", stderr=io.StringIO())
    assert not (tmp_path / "x").exists()
    with pytest.raises(CommandError, match="There is no study 'nothing'"):
        call_command("analyze", "nothing")


def test_a_folder_that_cannot_be_written_is_named(closed, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="file"):
        call_command("analyze", "speech", output=tmp_path / "file", stdout=io.StringIO(), stderr=io.StringIO())

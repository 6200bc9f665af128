"""What `manage.py check` tells an operator."""

import errno
import subprocess
import sys

import pytest
from django.core.checks import run_checks

from listening import checks, disk
from tests.stack import ROOT


def test_a_missing_codec_is_named_with_what_to_do(monkeypatch):
    monkeypatch.delenv("EVS_ENCODER", raising=False)
    found = {message.msg: message.hint for message in checks.missing_codecs()}
    evs = next(message for message in found if message.startswith("EVS"))
    assert "EVS_ENCODER" in evs
    assert "3GPP" in found[evs]


@pytest.mark.slow
def test_the_check_command_shows_it_and_other_commands_do_not():
    for command, shown in ((["check"], True), (["showmigrations", "sessions"], False)):
        done = subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, capture_output=True, text=True)
        assert ("EVS_ENCODER" in done.stdout + done.stderr) == shown


def test_a_folder_that_cannot_be_written_is_an_error(settings, tmp_path, monkeypatch):
    settings.VAR_DIR = "/proc/nowhere"
    settings.MEDIA_ROOT = tmp_path
    assert [message.id for message in checks.folders_can_be_written()] == ["listening.E001"]


def test_a_full_disk_is_a_warning_since_the_site_must_start(settings, tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    settings.VAR_DIR = settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(checks.tempfile, "TemporaryFile", full)
    monkeypatch.setattr(disk, "has_room", lambda _: False)
    assert [message.id for message in checks.folders_can_be_written()] == ["listening.W001"] * 2


def test_a_site_that_only_localhost_reaches_is_told_so(settings):
    settings.ALLOWED_HOSTS = ["localhost"]
    assert "ALLOWED_HOSTS" in checks.the_site_has_a_name()[0].hint
    settings.ALLOWED_HOSTS = ["listening.example.org"]
    assert checks.the_site_has_a_name() == []


def test_mail_without_a_sender_is_warned_of(settings):
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "mail.example.org", ""
    assert "DEFAULT_FROM_EMAIL" in checks.mail_has_a_sender()[0].hint
    settings.DEFAULT_FROM_EMAIL = "evalapp@example.org"
    assert checks.mail_has_a_sender() == []


def test_a_site_that_answers_to_any_name_is_warned_of_when_it_is_deployed(settings):
    settings.ALLOWED_HOSTS = ["*"]
    found = {message.id: message for message in run_checks(tags=["security"], include_deployment_checks=True)}
    assert "ALLOWED_HOSTS" in found["listening.W006"].hint
    settings.ALLOWED_HOSTS = ["listening.example.org"]
    found = {message.id for message in run_checks(tags=["security"], include_deployment_checks=True)}
    assert "listening.W006" not in found


@pytest.mark.parametrize(
    ("mail", "site", "ids"),
    [
        ("", "", []),
        ("mail.example.org", "", ["listening.W005"]),
        ("mail.example.org", "https://listening.example.org", []),
        ("", "listening.example.org", ["listening.E002"]),
        ("", "https://listening.example.org/path", ["listening.E002"]),
    ],
)
def test_mail_wants_the_site_s_own_address(settings, mail, site, ids):
    settings.EMAIL_HOST, settings.SITE_URL = mail, site
    assert [message.id for message in checks.mail_has_an_address_to_link_to()] == ids

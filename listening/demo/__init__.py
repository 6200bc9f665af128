"""The two studies of `make demo`, from the clips that come with the project."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from audiocodecs.base import CodecUnavailable
from audiocodecs.registry import resolve
from listening import clips, studies
from listening.models import Study

CLIPS = Path(__file__).parent / "clips"
USER = "demo"
LOSSY_SOURCES = {
    "speech_da_phrases",
    "speech_en_stamps",
    "speech_noisy_da",
    "music_orchestral",
    "music_metal",
    "music_electronic",
}
ANCHORED = ("reference", "lowpass@7000", "lowpass@3500")
SPEECH = (
    *ANCHORED,
    *("neural@1.5", "neural@3", "neural@6", "neural@12"),
    *("opus@6", "opus@12", "lyra@3.2", "lyra@6", "evs@9.6"),
)
MUSIC = (*ANCHORED, *("neural@3", "neural@6", "neural@12", "neural@24"), "mp3@64", "opus@6", "opus@24")


def demo_user() -> tuple[AbstractBaseUser, str]:
    """The demo's researcher and password: made at random on the first start, kept readable by its owner only."""
    path = Path(settings.VAR_DIR) / "demo-password"
    user, made = get_user_model().objects.get_or_create(username=USER)
    if made or not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(12))
        user.set_password(path.read_text())
        user.save()
    return user, path.read_text()


def demo_studies(owner: AbstractBaseUser) -> list[Study]:
    """The demo's studies, made where they are not there yet."""
    return [
        _study(owner, "demo-speech", "Demo: speech at 1.5 to 12 kbps", "speech", SPEECH, channels=1),
        _study(owner, "demo-music", "Demo: 48 kHz stereo music", "music", MUSIC, channels=2),
    ]


@transaction.atomic
def _study(
    owner: AbstractBaseUser, slug: str, title: str, category: str, specs: tuple[str, ...], channels: int
) -> Study:
    if study := Study.objects.filter(slug=slug).first():
        return study
    study = studies.create_study(owner, title, slug=slug, channels=channels)
    for path in sorted(CLIPS.glob(f"{category}_*.flac")):
        upload = SimpleUploadedFile(path.name, path.read_bytes())
        clips.add_clip(study, upload, category, lossy_source=path.stem in LOSSY_SOURCES)
    studies.set_conditions(study, [spec for spec in specs if _is_there(spec, channels)])
    return study


def _is_there(spec: str, channels: int) -> bool:
    try:
        resolve(spec, channels)
    except CodecUnavailable:
        return False
    return True

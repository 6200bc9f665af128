"""The two studies of `make demo`, from the clips that come with the project."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from audiocodecs.registry import resolve
from listening import clips, presets, primary_claims, studies
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
LICENCES = {
    "speech_en_prompts": "GPL-2",
    "speech_ga_words": "GPL-2+",
    "speech_ro_words": "GPL-2+",
    "speech_da_phrases": "GPL-2",
    "speech_en_stamps": "GPL-2",
    "speech_noisy_da": "GPL-2; CC0",
    "music_tabla": "CC0",
    "music_guitar": "CC0",
    "music_percussion": "CC0",
    "music_synth": "CC0",
    "music_orchestral": "CC BY-SA 3.0",
    "music_metal": "CC BY-SA 3.0",
    "music_electronic": "CC BY-SA 3.0",
}
"""As clips/ATTRIBUTION.md has them."""


CLAIMED, MARGIN = "neural@6", 5.0
"""What the primary claims of the demo's studies are about, and their margin in points."""


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
        _study(owner, "demo-speech", "Demo: speech at 1.5 to 12 kbps", "speech", "encodec-speech", "opus@12"),
        _study(owner, "demo-music", "Demo: 48 kHz stereo music", "music", "music-mp3", "mp3@64"),
    ]


@transaction.atomic
def _study(owner: AbstractBaseUser, slug: str, title: str, category: str, preset: str, against: str) -> Study:
    """A study that claims that the neural codec at 6 kbps is no worse than `against`."""
    if study := Study.objects.filter(slug=slug).first():
        return study
    conditions = presets.preset(preset)
    assert conditions is not None
    study = studies.create_study(owner, title, slug=slug, channels=conditions.channels, margin=MARGIN)
    for path in sorted(CLIPS.glob(f"{category}_*.flac")):
        upload = SimpleUploadedFile(path.name, path.read_bytes())
        clips.add_clip(study, upload, category, LICENCES[path.stem], lossy_source=path.stem in LOSSY_SOURCES)
    studies.set_conditions(study, list(presets.choose(conditions).specs))
    neural = primary_claims.named(study, resolve(CLAIMED, study.channels))
    primary_claims.declare(study, neural, "no worse", primary_claims.named(study, against))
    return study

"""A study, its clips and its conditions."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_noop

from listening import protocol as protocols

MAX_SIGNALS = 12
"""Signals in one trial, hidden reference and anchors included (after BS.1534-3)."""
MAX_EXCERPT = 12.0
"""Seconds of the longest excerpt (after BS.1534-3)."""
DEFAULT_EXCERPT = 10.0

CONSENT = gettext_noop(
    "You will listen to short sounds and say how good each one is compared with a reference. "
    "We store your ratings, when you gave them, how long each sound was played and your browser's name. "
    "We do not ask for your name. You may stop at any time by closing this page."
)
INSTRUCTIONS = gettext_noop(
    "Use headphones in a quiet room. On each page you hear one clip in several versions. "
    "Compare each version with the reference and set its slider: 100 means that you hear no difference from "
    "the reference, 0 that it is as bad as can be. One of the versions is the reference itself: it should get 100. "
    "Switch as often as you like; the sound goes on at the same place."
)

INSTRUCTIONS_FOR_NUMBERS = gettext_noop(
    "Use headphones in a quiet room. On each page you hear one clip in several versions. "
    "Compare each version with the reference and type its score: 100 means that you hear no difference from "
    "the reference, 0 that it is as bad as can be. One of the versions is the reference itself: it should get 100. "
    "Switch as often as you like; the sound goes on at the same place."
)
"""The same where a study has number fields in place of sliders."""


def random_seed() -> int:
    """Seed that fits a signed 64-bit column."""
    return secrets.randbits(62)


class StudyQuerySet(models.QuerySet["Study"]):
    """Questions about many studies."""

    def visible_to(self, user) -> StudyQuerySet:  # noqa: ANN001
        """Those that `user` may see: one's own, those one is a member of, and all of them for staff."""
        if user.is_staff:
            return self
        return self.filter(models.Q(owner=user) | models.Q(pk__in=user.memberships.values("study")))


class StudyManager(models.Manager.from_queryset(StudyQuerySet)):  # type: ignore[misc]
    """All but rehearsals, which only raters' links lead to."""

    def get_queryset(self) -> StudyQuerySet:
        found: StudyQuerySet = super().get_queryset()
        return found.filter(rehearsal_of=None)


class Study(models.Model):
    """A listening test: what is compared, on what material, after which rules."""

    class State(models.TextChoices):
        """Where a study is on its way; see `listening.studies` for the moves."""

        DRAFT = "draft", "Draft"
        RENDERING = "rendering", "Rendering"
        READY = "ready", "Ready"
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    RATES = [(16000, "16 kHz"), (24000, "24 kHz"), (32000, "32 kHz"), (44100, "44.1 kHz"), (48000, "48 kHz")]

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="studies")
    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    rate = models.PositiveIntegerField("sample rate of the stimuli", choices=RATES, default=48000)
    channels = models.PositiveSmallIntegerField(choices=[(1, "mono"), (2, "stereo")], default=1)
    loudness = models.FloatField(
        "target loudness, LUFS", default=-23.0, validators=[MinValueValidator(-40), MaxValueValidator(-14)]
    )
    screening = models.JSONField("post-screening rules", default=list, blank=True)
    margin = models.FloatField(
        "margin of the claim, points",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(50)],
    )
    heard_seconds = models.FloatField("seconds of play that count as heard", default=1.0)
    consent_text = models.TextField(default=CONSENT)
    instructions_text = models.TextField(default=INSTRUCTIONS)
    completion_code = models.CharField(
        max_length=60, blank=True, help_text="Empty: each rater gets a code of their own."
    )
    raters_way = models.JSONField(
        "what the study wants of its raters", default=dict, blank=True, help_text="see listening.protocol"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    rehearsal_of = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="+", help_text="see listening.rehearsals"
    )

    objects = StudyManager()
    with_rehearsals = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.slug

    def get_absolute_url(self) -> str:
        """The researcher's page of the study."""
        return reverse("study", args=[self.slug])

    @property
    def invite_path(self) -> str:
        """Path of the link that raters get."""
        return reverse("invite", args=[self.slug])

    @property
    def protocol(self) -> protocols.Protocol:
        """What the study wants of its raters."""
        return protocols.read(self.raters_way)

    @protocol.setter
    def protocol(self, value: protocols.Protocol) -> None:
        self.raters_way = protocols.stored(value)

    @property
    def editable(self) -> bool:
        """Whether clips, conditions and settings may still change."""
        return self.state in (self.State.DRAFT, self.State.READY)


class Clip(models.Model):
    """A recording of the study: the file as it came, the excerpt, and the reference prepared from it."""

    class State(models.TextChoices):
        """UPLOADED until the reference is made."""

        UPLOADED = "uploaded", "Uploaded"
        PREPARED = "prepared", "Prepared"

    study = models.ForeignKey(Study, models.CASCADE, related_name="clips")
    name = models.CharField(max_length=100)
    category = models.CharField(max_length=40, blank=True)
    licence = models.CharField(max_length=100, blank=True)
    position = models.PositiveIntegerField(default=0)
    original = models.FileField(max_length=200)
    original_name = models.CharField(max_length=255)
    original_sha256 = models.CharField(max_length=64)
    original_rate = models.PositiveIntegerField()
    original_channels = models.PositiveSmallIntegerField()
    original_seconds = models.FloatField()
    start = models.FloatField("start of the excerpt, seconds", default=0.0, validators=[MinValueValidator(0)])
    length = models.FloatField(
        "length of the excerpt, seconds",
        default=DEFAULT_EXCERPT,
        validators=[MinValueValidator(0.5), MaxValueValidator(MAX_EXCERPT)],
    )
    source_loudness = models.FloatField("loudness of the excerpt as uploaded, LUFS", null=True, blank=True)
    source_true_peak = models.FloatField("true peak of the excerpt as uploaded, dBTP", null=True, blank=True)
    lossy_source = models.BooleanField("made from a lossy recording", default=False)
    warnings = models.JSONField(default=list, blank=True)
    notes = models.JSONField(default=list, blank=True, help_text="worth knowing, but no fault of the material")
    silent = models.BooleanField("the excerpt holds no sound", default=False)
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED)
    prepared_for = models.CharField(max_length=64, blank=True, help_text="hash of what the reference was made from")
    reference = models.FileField(max_length=200, blank=True)
    reference_sha256 = models.CharField(max_length=64, blank=True)
    frames = models.PositiveIntegerField("samples per channel of the reference", null=True, blank=True)
    packed = models.FileField("the reference as raters get it", max_length=200, blank=True)
    packed_for = models.CharField(max_length=64, blank=True, help_text="hash of the sounds that were packed")
    gain_db = models.FloatField(null=True, blank=True)
    loudness = models.FloatField("loudness of the reference, LUFS", null=True, blank=True)
    true_peak = models.FloatField("true peak of the reference, dBTP", null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["study", "name"], name="clip_name_once_per_study"),
            models.UniqueConstraint(fields=["study", "original_sha256"], name="clip_file_once_per_study"),
        ]

    def __str__(self) -> str:
        return self.name


class Condition(models.Model):
    """One signal of every trial: a codec at a setting, the hidden reference or an anchor."""

    class Role(models.TextChoices):
        """What the signal is there for."""

        HIDDEN_REFERENCE = "hidden_reference", "hidden reference"
        LOW_ANCHOR = "low_anchor", "low anchor"
        MID_ANCHOR = "mid_anchor", "mid anchor"
        SYSTEM = "system", "system"

    ANCHORS = {
        "reference": Role.HIDDEN_REFERENCE,
        "lowpass@3500": Role.LOW_ANCHOR,
        "lowpass@7000": Role.MID_ANCHOR,
    }

    study = models.ForeignKey(Study, models.CASCADE, related_name="conditions")
    spec = models.CharField(max_length=200, help_text="with the weights resolved when it was created")
    title = models.CharField(max_length=80)
    role = models.CharField(max_length=20, choices=Role)
    weights = models.CharField(max_length=120, blank=True)
    stands_for = models.CharField(
        max_length=200, blank=True, help_text="what a preset's source has in its place; empty where it is the same"
    )
    encode_command = models.TextField(blank=True, help_text="of a condition `command…`; see listening.commands")
    decode_command = models.TextField(blank=True, help_text="empty where the first one gives the decoded sound")
    repeat = models.PositiveSmallIntegerField(
        default=0, choices=[(0, "no"), (1, "yes")], help_text="1: the same sound once more in each trial, unnamed"
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["study", "spec", "repeat"], name="spec_once_and_once_again_per_study")
        ]

    def __str__(self) -> str:
        return f"{self.spec}, again" if self.repeat else self.spec

    @property
    def label(self) -> str:
        """The title, told from that of its repeat."""
        return f"{self.title}, again" if self.repeat else self.title


class SuppliedFile(models.Model):
    """A clip through a system that does not run here: the file that the researcher made of it elsewhere."""

    clip = models.ForeignKey(Clip, models.CASCADE, related_name="supplied_files")
    condition = models.ForeignKey(Condition, models.CASCADE, related_name="supplied_files")
    file = models.FileField(max_length=200)
    name = models.CharField("as it was called", max_length=255)
    sha256 = models.CharField(max_length=64)
    seconds = models.FloatField("length of the file", null=True, blank=True)
    delay = models.FloatField("against its clip, seconds; removed", null=True, blank=True)
    level = models.FloatField("of the excerpt against the reference, LU", null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True, help_text="as it was supplied; a rendering has its own")

    class Meta:
        ordering = ["clip__position", "condition__position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["clip", "condition"], name="one_supplied_file_per_clip_and_condition")
        ]

    def __str__(self) -> str:
        return self.name

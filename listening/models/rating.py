"""Raters and what they said."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone

from listening.models.study import Study, random_seed

PARTS = 100
"""Equal parts of a clip, of which a page tells which were heard."""


TIME_TO_FINISH = timedelta(hours=24)
"""Raters may finish for so long after closing, where the study lets them."""


def new_token() -> str:
    """Token of 128 random bits, fit for a URL."""
    return secrets.token_urlsafe(16)


def new_rater_code() -> str:
    """Name of a rater in exports: opaque, and no key to anything."""
    return f"R{_letters(7)}"


def new_resume_code() -> str:
    """What a rater types to continue on another device: 39 random bits, guessed no faster than passwords."""
    return _letters(8)


def _letters(number: int) -> str:
    """Random letters and digits, without those that look alike."""
    return "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(number))


class Rater(models.Model):
    """A person, known by a token in their link."""

    token = models.CharField(max_length=40, unique=True, default=new_token)
    code = models.CharField(max_length=12, unique=True, default=new_rater_code)
    outside_ids = models.JSONField(default=dict, blank=True)
    locale = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        """The rater's link, which alone resumes."""
        return reverse("rate", args=[self.token])


class Session(models.Model):
    """One rater's way through one study."""

    class State(models.TextChoices):
        """The page that a rater is on."""

        CONSENT = "consent", "Consent"
        LEVEL = "level", "Level"
        HEADPHONES = "headphones", "Headphones"
        QUESTIONS = "questions", "Questions"
        INSTRUCTIONS = "instructions", "Instructions"
        TRAINING = "training", "Training"
        TRIALS = "trials", "Trials"
        BREAK = "break", "Break"
        COMMENTS = "comments", "Last page"
        FINISHED = "finished", "Finished"
        SCREENED_OUT = "screened_out", "Screened out"
        TIMED_OUT = "timed_out", "Timed out"
        CLOSED = "closed", "Study closed"

    ENDS = (State.FINISHED, State.SCREENED_OUT, State.TIMED_OUT, State.CLOSED)
    """Where nothing more can be done."""

    study = models.ForeignKey("listening.Study", models.CASCADE, related_name="sessions")
    rater = models.OneToOneField(Rater, models.CASCADE, related_name="session")
    seed = models.BigIntegerField(default=random_seed)
    state = models.CharField(max_length=14, choices=State, default=State.CONSENT)
    way = models.JSONField(
        default=list, blank=True, help_text="the pages, each a state and a name; from the consent on"
    )
    at = models.PositiveSmallIntegerField(default=0, help_text="index of the page in the way")
    language = models.CharField(max_length=10, blank=True)
    panel = models.CharField(max_length=60, blank=True, default="", help_text="as the link names it")
    seen_at = models.DateTimeField(
        null=True, blank=True, help_text="last sign of life, within a minute; see sessions.behind_link"
    )
    identity = models.CharField(
        max_length=300,
        null=True,
        blank=True,
        help_text="by which the study knows a rater again, where it wants to: NAME=ID, as the link has it",
    )
    resume_code = models.CharField(
        max_length=8, default=new_resume_code, help_text="leads the rater to their link from another device"
    )
    consent_text = models.TextField(blank=True, help_text="the text that was agreed to")
    consent_version = models.CharField(max_length=40, blank=True)
    consented_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    level_db = models.FloatField(null=True, blank=True, help_text="gain that the rater set, dB; empty: none")
    level_change_db = models.FloatField(default=0.0, help_text="what was changed of it on the pages of trials, dB")
    headphones = models.JSONField(
        default=list, blank=True, help_text="attempts at the headphone tests, see headphone_check"
    )
    rested_at = models.DateTimeField(null=True, blank=True, help_text="end of the last break")
    completion_code = models.CharField(max_length=60, blank=True)
    cannot_have_listened = models.CharField(
        max_length=200, blank=True, default="", help_text="why, once the session is finished; see listening.hearing"
    )
    comment = models.TextField(blank=True, max_length=4000)
    browser = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["study", "identity"], name="one_session_per_identity"),
            models.UniqueConstraint(fields=["study", "resume_code"], name="resume_code_once_per_study"),
        ]

    def __str__(self) -> str:
        return f"{self.rater} in {self.study}"

    @property
    def ended(self) -> bool:
        """Whether the rater is through, in whatever way."""
        return self.state in self.ENDS

    @property
    def may_go_on(self) -> bool:
        """Whether the study takes what this rater gives: while it is open, and later where it lets raters finish."""
        study = self.study
        if study.state != Study.State.CLOSED or self.consented_at is None:
            return bool(study.state == Study.State.OPEN)
        return study.protocol.finish_after_closing and timezone.now() < study.closed_at + TIME_TO_FINISH


class Trial(models.Model):
    """One clip in all its conditions, in the order in which one rater gets them."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="trials")
    clip = models.ForeignKey("listening.Clip", models.PROTECT, related_name="trials")
    token = models.CharField(max_length=40, unique=True, default=new_token)
    reference_token = models.CharField(max_length=40, unique=True, default=new_token)
    training = models.BooleanField(default=False)
    position = models.SmallIntegerField(help_text="from 1; the training's are 0 and below")
    repeat = models.PositiveSmallIntegerField(default=0, help_text="0 for the first time this clip is rated")
    expected = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="the score that the page asks for, to test attention"
    )
    served = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="sounds sent to the rater, a bit each: 0 the reference, then the slots; empty: not recorded",
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["session", "position"], name="one_trial_per_position")]

    def __str__(self) -> str:
        return f"trial {self.position} of {self.session}"


class Rating(models.Model):
    """One slot of a trial: which condition lies behind it, and the score it got."""

    trial = models.ForeignKey(Trial, models.CASCADE, related_name="ratings")
    slot = models.PositiveSmallIntegerField(help_text="from 1")
    condition = models.ForeignKey("listening.Condition", models.PROTECT, related_name="ratings")
    token = models.CharField(max_length=40, unique=True, default=new_token)
    score = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    plays = models.PositiveIntegerField(default=0)
    seconds_heard = models.FloatField(default=0.0)
    parts_heard = models.CharField(
        max_length=25,
        blank=True,
        default="",
        help_text="which hundredths of the clip, a bit each, as hexadecimal digits; kept where a rule asks for a share",
    )
    comment = models.CharField(max_length=1000, blank=True, default="")
    revision = models.PositiveBigIntegerField(default=0, help_text="the page's number of the write that is kept")
    writer = models.CharField(
        max_length=16, blank=True, default="", help_text="which of the rater's browsers wrote it, by a random name"
    )
    rated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["slot"]
        constraints = [
            models.UniqueConstraint(fields=["trial", "slot"], name="one_rating_per_slot"),
            models.CheckConstraint(
                condition=models.Q(score=None) | models.Q(score__gte=0, score__lte=100), name="score_from_0_to_100"
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of {self.trial}"

    @property
    def share_heard(self) -> float:
        """Share of the clip that was heard at least once."""
        return int(self.parts_heard or "0", 16).bit_count() / PARTS


class Answer(models.Model):
    """What a rater answered to one question of a questionnaire."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="answers")
    questionnaire = models.CharField(max_length=60)
    occurrence = models.PositiveSmallIntegerField(help_text="from 1: which time the questionnaire was asked")
    question = models.CharField(max_length=60)
    kind = models.CharField(max_length=10)
    value = models.TextField(blank=True, help_text="empty where nothing was answered; several choices joined by ;")
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "questionnaire", "occurrence", "question"], name="one_answer_per_question"
            )
        ]

    def __str__(self) -> str:
        return f"{self.questionnaire}/{self.question} of {self.session}"

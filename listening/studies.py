"""A study's way: draft, rendering, ready, open, closed; and what may be done when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, zip_longest
from operator import itemgetter
from pathlib import Path

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from analysis.screening import DEFAULT_RULES
from audiocodecs.base import Codec, CodecError, Spec
from audiocodecs.encodec.model_dir import model_dir
from audiocodecs.registry import CLASSES, codec_class, get_codec, offers, parse_spec, resolve, words
from listening import allocation, clips, commands, endings, losses, packing, supplied, webhooks
from listening.audit import audit
from listening.models import Condition, Rendering, Session, Study, Webhook
from listening.models.study import MAX_SIGNALS

State = Study.State


class StudyError(Exception):
    """What can't be done with a study now; the text says why and what to do."""


@dataclass(frozen=True)
class Cell:
    """A codec at one value in the matrix of conditions."""

    spec: str
    value: float | None
    label: str
    chosen: bool
    reason: str
    remedy: str

    @property
    def available(self) -> bool:
        """Whether this study can have it."""
        return not self.reason


@dataclass(frozen=True)
class MatrixRow:
    """A codec at all its values."""

    title: str
    name: str
    neural: bool
    offers: list[Cell]


@dataclass(frozen=True)
class Progress:
    """How far the rendering of a study is."""

    total: int
    done: int
    failed: int
    running: int
    queued: int
    rows: list[Rendering]

    @property
    def percent(self) -> int:
        """Share of the renderings that ended, 0 to 100."""
        return 100 * (self.done + self.failed) // self.total if self.total else 0


def create_study(owner: AbstractBaseUser, title: str, **settings: object) -> Study:
    """Make a study with the hidden reference and both anchors.

    Parameters
    ----------
    owner : User
    title : str
        The slug is made from it, unless given.
    **settings
        Fields of `Study`.

    Raises
    ------
    StudyError
        If the slug is taken.
    """
    slug = str(settings.pop("slug", "") or slugify(title)[:50] or "study")
    settings.setdefault("screening", list(DEFAULT_RULES))
    try:
        with transaction.atomic():
            study = Study.objects.create(owner=owner, title=title, slug=slug, **settings)
            set_conditions(study, ["reference", "lowpass@7000", "lowpass@3500"])
    except IntegrityError as error:
        raise StudyError(f"There is a study “{slug}” already. Choose another short name.") from error
    return study


def matrix(study: Study) -> list[MatrixRow]:
    """Every codec at every value for this study, with the reason where it can't have one."""
    own = [parse_spec(each.spec) for each in study.conditions.all() if has_box(each.spec)]
    chosen = {(spec.name, spec.value) for spec in own}
    rows: dict[str, MatrixRow] = {}
    for offer in offers(own):
        reason, remedy = offer.reason, offer.remedy
        if study.channels not in offer.channels:
            reason, remedy = _other_channels(offer.title, study.channels)
        title = offer.title if "kHz" in offer.title or "_48khz" not in offer.name else f"{offer.title} 48 kHz"
        row = rows.setdefault(offer.name, MatrixRow(title, offer.name, offer.neural, []))
        label = offer.title if offer.value is None else f"{offer.value:g}"
        is_chosen = (offer.name, offer.value) in chosen
        row.offers.append(Cell(offer.spec, offer.value, label, is_chosen, reason, remedy))
    return list(rows.values())


def has_box(spec: str) -> bool:
    """Whether the matrix has a box for a condition: a codec without an option, whatever its weights."""
    parsed = parse_spec(spec)
    return parsed.name in CLASSES and {key for key, _ in parsed.options} <= {"weights"}


def _other_channels(title: str, channels: int) -> tuple[str, str]:
    """Why a codec cannot be in a study of so many channels, and what to do."""
    its, this = ("mono", "stereo") if channels == 2 else ("stereo", "mono")
    return f"{title} carries {its} only; this study is {this}.", f"Make a {its} study for it."


def set_conditions(
    study: Study, specs: list[str], by: AbstractBaseUser | None = None, *, confirmed: bool = False
) -> None:
    """Make these the conditions of a study, in this order; what was rendered of those that stay, stays.

    With `by` noted in the study's log, where something changes.

    The weights of a neural codec are resolved now and fixed with the condition. Conditions with files of one's own
    or command lines are named by their specs to stay; `supplied.add_condition` and `commands.add_condition` make them.

    Raises
    ------
    NotConfirmed
        Unless `confirmed`, if a condition goes with files or command lines that were given for it.
    StudyError
        If a spec is unknown or unavailable, they are too many, or the study is not editable.
    """
    if not study.editable:
        raise StudyError(f"The study is {study.get_state_display().lower()}: its conditions are fixed.")
    wanted: dict[str, str] = {}
    own = {spec for spec in study.conditions.values_list("spec", flat=True) if commands.is_own(spec)}
    for text in specs:
        if text in own:
            wanted[text] = ""
            continue
        try:
            _check_weights(parse_spec(text))
            spec = resolve(text, study.channels)
            codec = get_codec(spec)
        except CodecError as error:
            raise StudyError(str(error)) from error
        if study.channels not in codec.channels_of(codec.spec):
            raise StudyError(_other_channels(words(spec), study.channels)[0])
        for field, value in (("spec", spec), ("title", words(spec))):
            if len(value) > (most := Condition._meta.get_field(field).max_length or 0):
                raise StudyError(f"“{value[:60]}…” is too long for a condition: at most {most} characters. Shorten it.")
        wanted[spec] = codec.weights
    if "reference" not in wanted:
        raise StudyError("A MUSHRA trial needs the hidden reference. Choose it as well.")
    signals = len(wanted) + study.conditions.filter(spec__in=wanted, repeat=1).count()
    if signals > MAX_SIGNALS:
        raise StudyError(
            f"{signals} signals are too many: a trial has at most {MAX_SIGNALS}, "
            "hidden reference and anchors included (after BS.1534-3). Take some away."
        )
    going = study.conditions.exclude(spec__in=wanted)
    lost = losses.of_conditions(going)
    losses.ask(lost, confirmed=confirmed)
    with transaction.atomic():
        before = set(study.conditions.values_list("spec", flat=True))
        removed = [condition.label for condition in going]
        going.delete()
        losses.note(study, by, lost)
        there = set(study.conditions.values_list("spec", flat=True))  # a repeat goes and stays with its condition
        for position, (spec, weights) in enumerate(wanted.items()):
            if spec in there:
                study.conditions.filter(spec=spec).update(position=position)
                continue
            Condition.objects.create(
                study=study,
                spec=spec,
                title=words(spec),
                role=Condition.ANCHORS.get(spec, Condition.Role.SYSTEM),
                weights=weights,
                position=position,
            )
        if set(wanted) != there:
            _set_state(study, State.DRAFT)
        if by is not None and set(wanted) != before:
            audit(study, by, f"conditions set: {', '.join(wanted)}")
            if removed:
                audit(study, by, f"conditions removed: {', '.join(removed)}")


def codec_of(condition: Condition) -> Codec:
    """The codec behind a condition that is no files.

    Raises
    ------
    CodecError
        If it can't run here.
    """
    return commands.codec_of(condition) if commands.is_command(condition.spec) else get_codec(condition.spec)


def _check_weights(spec: Spec) -> None:
    """A page must not make the server open just any file: weights of one's own lie in the model folder."""
    weights = spec.option("weights", "published")
    folder = model_dir().resolve()
    if weights not in ("published", "small") and not Path(weights).expanduser().resolve().is_relative_to(folder):
        raise StudyError(f"Weights for a study lie in the model folder, {folder}. Put {Path(weights).name} there.")


def problems(study: Study) -> list[str]:
    """What stands in the way of rendering, each as a sentence; empty if nothing does."""
    found = []
    if not study.clips.exists():
        found.append("There are no clips. Upload at least one.")
    if not study.conditions.filter(role=Condition.Role.SYSTEM).exists():
        found.append("There is nothing to rate but reference and anchors. Choose at least one codec.")
    found += [f"“{clip.name}” is silent in its excerpt. Move the start." for clip in study.clips.filter(silent=True)]
    found += supplied.problems(study)
    for condition in study.conditions.all():
        if supplied.is_supplied(condition.spec):
            continue
        try:
            _check_weights(parse_spec(condition.spec))
            codec = codec_of(condition)
        except (CodecError, StudyError) as error:
            found.append(f"{condition.title} can't run here: {error}")
            continue
        if study.channels not in codec.channels_of(codec.spec):
            found.append(f"{condition.title} carries mono only; this study is stereo. Remove the condition.")
    return found


def design_fault(study: Study) -> str:
    """Why a study cannot share out its clips as it is set to; "" if it can."""
    each, n = study.protocol.design.clips_per_rater, study.clips.count()
    if each is None or each <= n:
        return ""
    return (
        f"Each rater is to get {each} clips, and the study has {n}. "
        f"Set at most {n} in Raters' way, under “Who rates what”, or upload more clips."
    )


def start_rendering(study: Study) -> None:
    """Queue what is not rendered yet; what is done and still fits stays.

    Raises
    ------
    StudyError
        If something stands in the way (see `problems`).
    """
    from listening import tasks  # the tasks import this module

    if study.state not in (State.DRAFT, State.READY):
        raise StudyError(f"The study is {study.get_state_display().lower()}: there is nothing to render.")
    if found := problems(study):
        raise StudyError(" ".join(found))
    with transaction.atomic():
        _set_state(study, State.RENDERING)
        all_clips, conditions = list(study.clips.all()), list(study.conditions.all())
        stale = [clip.pk for clip in all_clips if not clips.is_prepared(clip)]
        _of(study).filter(Q(clip__in=stale) | Q(state=Rendering.State.FAILED)).update(**_FRESH)
        there = set(_of(study).order_by().values_list("clip_id", "condition_id"))
        Rendering.objects.bulk_create(
            Rendering(clip=clip, condition=condition)
            for clip in all_clips
            for condition in conditions
            if (clip.pk, condition.pk) not in there
        )
        queued = _of(study).filter(state=Rendering.State.QUEUED)
        tasks.publish(_some_clips_at_a_time(queued.values_list("clip_id", "pk")))
        settle(study)


_FRESH = {"state": Rendering.State.QUEUED, "attempts": 0, "error": "", "not_before": None, "published_at": None}


def retry(rendering: Rendering) -> None:
    """Queue a failed rendering again, with its attempts counted anew."""
    from listening import tasks  # the tasks import this module

    study = rendering.clip.study
    if study.state not in (State.DRAFT, State.RENDERING):
        raise StudyError(f"The study is {study.get_state_display().lower()}: there is nothing to retry.")
    if not supplied.is_supplied(rendering.condition.spec):
        _check_weights(parse_spec(rendering.condition.spec))
    with transaction.atomic():
        again = Rendering.objects.filter(pk=rendering.pk, state=Rendering.State.FAILED)
        if again.update(**_FRESH):
            _set_state(study, State.RENDERING)
            tasks.publish([rendering.pk])


def settle(study: Study) -> None:
    """After a rendering ended: READY when all are done, DRAFT when some failed, RENDERING until then."""
    if _of(study).order_by().filter(state__in=(Rendering.State.QUEUED, Rendering.State.RUNNING)).exists():
        return
    counts = {row["state"]: row["n"] for row in _of(study).order_by().values("state").annotate(n=Count("pk"))}
    after = State.DRAFT if counts.get(Rendering.State.FAILED) else State.READY
    with transaction.atomic():
        if Study.objects.filter(pk=study.pk, state=State.RENDERING).update(state=after):
            done, failed = (counts.get(state, 0) for state in (Rendering.State.DONE, Rendering.State.FAILED))
            webhooks.announce(study, Webhook.Event.RENDERED, state=after, done=done, failed=failed)
    study.refresh_from_db(fields=["state"])


def progress(study: Study) -> Progress:
    """Counts by state, and every rendering with its clip and condition."""
    rows = list(_of(study).select_related("clip", "condition"))
    counts = {state: sum(row.state == state for row in rows) for state in Rendering.State}
    return Progress(
        total=len(rows),
        done=counts[Rendering.State.DONE],
        failed=counts[Rendering.State.FAILED],
        running=counts[Rendering.State.RUNNING],
        queued=counts[Rendering.State.QUEUED],
        rows=rows,
    )


def open_study(study: Study, user: AbstractBaseUser | None) -> None:
    """Let raters in. From now on material, conditions, screening and margin are fixed, and pre-registered as a file.

    Raises
    ------
    StudyError
        If the study is not ready, its design does not fit its clips, or its primary claim cannot be tested.
    """
    from listening import primary_claims, registration  # they put into words what this module decides

    settle(study)
    if study.state == State.CLOSED:
        raise StudyError("The study is closed. Its ratings are analysed; make a new study to go on.")
    if study.state != State.READY:
        raise StudyError("The study is not ready: render every stimulus first.")
    if found := design_fault(study) or primary_claims.fault(study):
        raise StudyError(found)
    for clip in study.clips.all():
        packing.pack(clip)  # workers did that already, but for what was rendered by an older version
    now = timezone.now()
    with transaction.atomic():
        opened = Study.objects.filter(pk=study.pk, state=State.READY).update(state=State.OPEN, opened_at=now)
        if opened:
            made = registration.register(study, now)
            rules = ", ".join(study.screening) or "none"
            audit(study, user, f"opened; post-screening {rules}; margin {study.margin or 'not set'}")
            audit(study, user, f"pre-registered; SHA-256 of the file {made.sha256}")
    study.refresh_from_db()
    allocation.lay_all(study)


def close_study(study: Study, user: AbstractBaseUser | None) -> None:
    """End the rating; results are shown from now on.

    Raters who have started end here with the code for that, or finish where the study lets them.
    """
    if study.state != State.OPEN:
        raise StudyError("Only an open study can be closed.")
    with transaction.atomic():
        if Study.objects.filter(pk=study.pk, state=State.OPEN).update(state=State.CLOSED, closed_at=timezone.now()):
            study.refresh_from_db()
            may_finish = study.protocol.finish_after_closing
            if not may_finish:
                endings.end_unfinished(study)
            audit(study, user, f"closed{'; raters who have started may finish for 24 hours' * may_finish}")
            finished = study.sessions.filter(state=Session.State.FINISHED).count()
            results = reverse("results", args=[study.slug])
            webhooks.announce(study, Webhook.Event.CLOSED, raters_finished=finished, results=results)
    study.refresh_from_db()


def neural_note(study: Study) -> str:
    """Which neural codecs and weights the study has, in words; "" if none."""
    kinds: dict[str, None] = {}  # in the order of the conditions, each once
    for condition in study.conditions.all():
        if commands.is_own(condition.spec):
            continue
        if condition.weights:
            parsed = parse_spec(condition.spec)
            called = condition.title if parsed.value is None else codec_class(parsed.name).title
            kinds[f"{called}, weights {condition.weights}"] = None
    return f"Neural codec{'s' if len(kinds) > 1 else ''}: {'; '.join(kinds)}." if kinds else ""


def _of(study: Study):  # noqa: ANN202
    return Rendering.objects.filter(clip__study=study)


def _some_clips_at_a_time(queued: Iterable[tuple[int, int]], together: int = 4) -> list[int]:
    """Renderings of pairs (clip, rendering), a few clips in turn: workers of neighbours don't prepare the same clip."""
    of_clips = [[pk for _, pk in rows] for _, rows in groupby(queued, key=itemgetter(0))]
    return [
        pk
        for first in range(0, len(of_clips), together)
        for turn in zip_longest(*of_clips[first : first + together])
        for pk in turn
        if pk is not None
    ]


def _set_state(study: Study, state: str) -> None:
    Study.objects.filter(pk=study.pk).update(state=state)
    study.state = state

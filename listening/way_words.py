"""The researcher's words for a study's protocol: sections and settings of its form, and what it is in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Avg, F
from django.db.models.functions import Least

from listening.languages import NAMES, missing_texts
from listening.models import Recruiting, Study
from listening.planning import minutes_of, pages_of
from listening.protocol import Ending, Protocol
from listening.studies import design_fault

DAYS_OF_MONTH = 31
"""At most."""


@dataclass(frozen=True)
class Section:
    """A part of the form: settings of the protocol, by the first word of their place."""

    title: str
    help: str
    names: tuple[str, ...]


SECTIONS = (
    Section(
        "Languages and texts",
        "Raters choose among the languages offered; their browser's comes first. A text left empty is the one of the "
        "study's settings, or ours, which is there in each language.",
        ("language", "languages", "texts"),
    ),
    Section("Consent", "Told before anything is asked; the version is kept with each consent.", ("consent",)),
    Section("Sound check", "Comes before the questions and the instructions.", ("level", "headphones")),
    Section("Training", "Pages that are not counted.", ("training",)),
    Section("Rating", "How a page is rated, and what it wants before its rater may go on.", ("rating", "rules")),
    Section(
        "Who rates what",
        "Set neither of the first two, and each rater rates every clip, in an order drawn for them. Otherwise each "
        "takes a place: clips are given out equally often, in balanced orders, and a place that was given up goes to "
        "the next rater. Each panel has its own places.",
        ("design",),
    ),
    Section(
        "Pages, breaks, time",
        "Each clip is one page; these come among them.",
        ("repeats", "attention", "pause", "time_limit_minutes"),
    ),
    Section(
        "Who raters are",
        "Names that the invite link carries, such as a panel's number of the participant. "
        "They are kept with the session and exported. A panel can have others: see Recruiting.",
        ("identity",),
    ),
    Section(
        "Ends",
        "What a rater gets at each end. In an address, {code} and the names of the link, such as {PROLIFIC_PID}, "
        "are replaced.",
        ("ends", "finish_after_closing"),
    ),
)
"""In their order on the page. A setting that none of them names gets a separate section."""

WORDS = {
    "language": ("Language of the study's own texts", "Those in the settings, and plain texts of questionnaires."),
    "languages": (
        "Languages offered",
        "None ticked: those that all texts are there in, which is each of them where the texts are ours.",
    ),
    "consent.version": ("Version", "For example the number of the ethics approval."),
    "consent.contact": ("Whom raters write to", "To see what is stored, or to have it deleted."),
    "consent.kept_months": ("Months that the data are kept", "After the study has closed. Empty: as long as needed."),
    "level": ("Raters set the level on a separate page", "From then on they may change it by 4 dB."),
    "headphones.tests": ("Tests that headphones pass and loudspeakers do not", ""),
    "headphones.antiphase_passes_with": ("Right answers of 6 that pass the antiphase test", ""),
    "headphones.huggins_passes_with": ("Right answers of 6 that pass the Huggins pitch test", ""),
    "headphones.attempts": ("Attempts", ""),
    "headphones.failing": ("Who fails", ""),
    "design.clips_per_rater": ("Clips that each rater gets", "Empty: all of them."),
    "design.ratings_per_stimulus": (
        "Ratings that each stimulus gets at least",
        "From raters who finish, in each panel. Empty: no number.",
    ),
    "design.when_full": ("Once all places are taken", ""),
    "design.give_back_minutes": (
        "Minutes without a sign of life after which a place goes to the next rater",
        "Until somebody takes it, its rater may come back and go on. At most ten until the first page of sounds is "
        "finished.",
    ),
    "design.panels": (
        "Panels",
        "One a line. Each gets a separate link (?panel=NAME), and no other link is let in. Empty: a link may name any.",
    ),
    "training.pages": ("Training pages", "Where no clips are named, theirs are drawn."),
    "training.clips": (
        "Clips of the training",
        "One page each, in this order. They should show the whole range of qualities.",
    ),
    "rating.input": ("Scores are given by", ""),
    "rating.comments": ("A comment may be written to each sound", ""),
    "rules.share_heard": ("Share of each sound that must be heard", "0 to 1, beside the seconds in the settings."),
    "rules.all_rated": ("Every sound must be rated", ""),
    "rules.one_at_100": ("One sound at least must get 100", ""),
    "rules.only_playing": ("Only the sound that plays can be rated", ""),
    "rules.least_seconds": ("Seconds that a page takes at least", ""),
    "repeats": ("Pages that come a second time", "They tell how reliable a rater is."),
    "attention": ("Pages that say which score to give", "They tell who reads; they are not counted."),
    "pause.after_minutes": ("Minutes after which a break is offered", "Empty: no breaks."),
    "time_limit_minutes": ("Minutes in all, from the consent on", "Empty: no limit."),
    "identity.names": ("Names in the link", "One a line. The first tells raters apart."),
    "identity.required": ("Required to take part", ""),
    "identity.one_attempt": ("One attempt", "One session for each ID under the first name."),
    "ends.completed": ("Completed", ""),
    "ends.screened_out": ("Screened out", ""),
    "ends.timed_out": ("Time over", ""),
    "ends.closed": (
        "Study closed",
        "For raters who have started when the study closes. Without code and address, each gets a different code.",
    ),
    "finish_after_closing": (
        "Raters who have started may finish after the study is closed",
        "For 24 hours. The results then change until the last of them has finished.",
    ),
    "ends.full": ("No place left", "For who comes when all places are taken: no session begins."),
    "ends.completed.code": ("Code", "Empty: the one of the settings, or a different one for each rater."),
}
"""Label and help by place. A setting without gets a label made from its name."""

CHOICES = {
    "sliders": "sliders",
    "numbers": "typing numbers",
    "antiphase": "antiphase tones",
    "huggins": "Huggins pitch",
    "screen_out": "ends there, with the code for that",
    "go_on": "goes on, and it is noted",
    "turn_away": "newcomers read that the test has all the raters it needs",
    "let_in": "further raters are let in, and clips stay balanced",
    **NAMES,
}
TEXTS = (("consent", "Consent text"), ("instructions", "Instructions"), ("ending", "Text at the end"))

PROLIFIC_NAMES = ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
PROLIFIC_URL = "https://app.prolific.com/submissions/complete?cc={code}"


def label_of(place: str) -> str:
    """What a setting is called."""
    if place in WORDS:
        return WORDS[place][0]
    name = place.rsplit(".", 1)[-1]
    return "Address" if name == "url" else name.replace("_", " ").capitalize()


def help_of(place: str) -> str:
    """What is said below a setting; "" for nothing."""
    return WORDS.get(place, ("", ""))[1]


def in_sentences(study: Study) -> list[str]:
    """What a study wants of its raters, as the page says that asks before opening."""
    protocol = study.protocol
    clips = study.clips.count()
    said = [
        _languages(protocol),
        _consent(protocol),
        _sound_check(protocol),
        *(_asked(each) for each in protocol.questionnaires),
        _training(protocol),
        _design(protocol, clips),
        _pages(protocol, clips, minutes_of_study(study)),
        _rules(protocol),
        _times(protocol),
        _identity(protocol),
        *_ends(protocol, study),
    ]
    return [each for each in said if each]


def cautions(study: Study) -> list[str]:
    """What may go wrong with raters' way, each as a sentence."""
    protocol, found = study.protocol, []
    there = set(study.clips.values_list("name", flat=True))
    found += [
        f"The training names the clip “{name}”, which the study does not have. It is left out."
        for name in protocol.training.clips
        if name not in there
    ]
    if fault := design_fault(study):
        found.append(fault)
    end = protocol.ends.completed
    if "{code}" in end.url and not (end.code or study.completion_code):
        found.append(
            "The address at the end carries a code, and each rater gets a different code. Panels such as Prolific "
            "want one code for all: set it."
        )
    for language in protocol.languages:
        if missing := missing_texts(study, language):
            found.append(
                f"{NAMES[language]} has no text for {_joined(missing)}: its raters get another language there."
            )
    if protocol.identity.one_attempt and not protocol.identity.names:
        found.append("One attempt is asked for, and no name in the link tells raters apart. Say which name does.")
    if promise := _kept_longer_than_told(study):
        found.append(promise)
    return found


def _kept_longer_than_told(study: Study) -> str:
    """What raters are told of how long their data are kept, where nothing sees to it; empty where all is well."""
    months = study.protocol.consent.kept_months
    if months is None:
        return ""
    days = Recruiting.objects.filter(study=study).values_list("forget_after_days", flat=True).first()
    if days is not None and days <= months * DAYS_OF_MONTH:
        return ""
    when = "nothing deletes their identities" if days is None else f"their identities are deleted after {days} days"
    return (
        f"Raters are told that their data are kept for {_n(months, 'month')} after the test has ended, and {when}. "
        "Set days that keep the promise under Recruiting, and delete the study itself in time."
    )


def _languages(protocol: Protocol) -> str:
    if not protocol.languages:
        return ""
    return f"Languages offered: {', '.join(NAMES[each] for each in protocol.languages)}."


def _consent(protocol: Protocol) -> str:
    consent = protocol.consent
    parts = [
        f"version {consent.version}" if consent.version else "",
        f"contact {consent.contact}" if consent.contact else "",
    ]
    parts.append(f"data kept for {_n(consent.kept_months, 'month')}" if consent.kept_months else "")
    found = ", ".join(part for part in parts if part)
    return f"Consent: {found}." if found else ""


def _sound_check(protocol: Protocol) -> str:
    parts = ["level setting"] if protocol.level else []
    parts += [f"headphone test ({CHOICES[test]})" for test in protocol.headphones.tests]
    return f"Sound check: {', '.join(parts)}." if parts else ""


def _asked(each) -> str:  # noqa: ANN001
    where = {
        "start": "before the instructions",
        "between": f"after every {_n(each.every, 'page')}" if each.every != 1 else "after every page",
        "end": "before the last page",
    }[each.at]
    return f"Questionnaire “{each.name}” {where}."


def _training(protocol: Protocol) -> str:
    clips = protocol.training.clips
    return f"Training: {', '.join(clips)}." if clips else f"Training: {_n(protocol.training.pages, 'page')}."


def _design(protocol: Protocol, clips: int) -> str:
    design = protocol.design
    if not design.gives_places:
        return ""
    said = [f"Each rater gets {design.clips_each(clips)} of {_n(clips, 'clip')}, in balanced blocks and orders"]
    if places := design.places(clips):
        each = " in each panel" if design.panels else ""
        said.append(
            f"at least {_n(design.ratings_per_stimulus, 'rating')} of each stimulus: {_n(places, 'rater')} who "
            f"finish{each}"
            + (", and then the study is full" if design.when_full == "turn_away" else ", and further ones are let in")
        )
    said.append(f"a place is given up after {_n_minutes(design.give_back_minutes)} without a sign of life")
    if design.panels:
        said.append(f"panels {', '.join(design.panels)}")
    return f"{'; '.join(said)}."


def _n_minutes(minutes: float) -> str:
    return f"{minutes:g} minute{'' if minutes == 1 else 's'}"


def minutes_of_study(study: Study) -> int:
    """Minutes that a rater of a study takes, roughly."""
    seconds = study.clips.aggregate(mean=Avg(Least("length", F("original_seconds") - F("start"))))["mean"]
    return minutes_of(study.protocol, study.clips.count(), study.conditions.count(), seconds or 0.0)


def _pages(protocol: Protocol, clips: int, minutes: int) -> str:
    repeats = min(protocol.repeats, protocol.design.clips_each(clips))
    extra = [_n(repeats, "repeat") if repeats else ""]
    extra.append(f"{_n(protocol.attention, 'page')} of attention" if protocol.attention else "")
    more = " and ".join(part for part in extra if part)
    pages = _n(pages_of(protocol, clips), "page")
    return f"{pages} to rate{', with ' + more if more else ''}. About {_n(minutes, 'minute')} per rater."


def _rules(protocol: Protocol) -> str:
    rules, rating = protocol.rules, protocol.rating
    parts = [
        f"{100 * rules.share_heard:g}% of each sound heard" if rules.share_heard else "",
        "" if rules.all_rated else "sounds may stay unrated",
        "one sound at 100" if rules.one_at_100 else "",
        "only what plays can be rated" if rules.only_playing else "",
        f"at least {rules.least_seconds:g} s" if rules.least_seconds else "",
        "scores typed as numbers" if rating.input == "numbers" else "",
        "comments to each sound" if rating.comments else "",
    ]
    found = "; ".join(part for part in parts if part)
    return f"On each page: {found}." if found else ""


def _times(protocol: Protocol) -> str:
    parts = []
    if protocol.pause.after_minutes:
        parts.append(f"a break every {protocol.pause.after_minutes:g} minutes")
    if protocol.time_limit_minutes:
        parts.append(f"{protocol.time_limit_minutes:g} minutes in all")
    return f"{'; '.join(parts).capitalize()}." if parts else ""


def _identity(protocol: Protocol) -> str:
    wants = protocol.identity
    if not wants.names:
        return ""
    more = [", required" * wants.required, ", one attempt each" * wants.one_attempt]
    return f"The link names raters by {', '.join(wants.names)}{''.join(more)}."


def _ends(protocol: Protocol, study: Study) -> list[str]:
    completed = protocol.ends.completed
    code = completed.code or study.completion_code
    said = [f"Completed: {f'code {code}' if code else 'a different code for each rater'}{_address(completed)}."]
    for title, end in (
        ("Screened out", protocol.ends.screened_out),
        ("Time over", protocol.ends.timed_out),
        ("Study closed", protocol.ends.closed),
        ("No place left", protocol.ends.full),
    ):
        if end.code or end.url:
            said.append(f"{title}: {f'code {end.code}' if end.code else 'no code'}{_address(end)}.")
    if protocol.finish_after_closing:
        said.append("Raters who have started may finish for 24 hours after the study is closed.")
    return said


def _address(end: Ending) -> str:
    return f", then {end.url}" if end.url else ""


def _joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _n(count: int | None, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"

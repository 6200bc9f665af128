"""What is to be said of a study's material: one list for the pages, the API, the pre-registration and the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.wording import listed
from listening import duplicates
from listening.models import Study, SuppliedFile


@dataclass(frozen=True)
class Finding:
    """A sentence about a clip or a supplied file.

    Attributes
    ----------
    grade : str
        "warning" for what can spoil a result, "note" for what is only worth knowing.
    about : str
        The clip's name; with the condition's, for a supplied file.
    text : str
    """

    grade: Literal["warning", "note"]
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.about}: {self.text}"


def findings(study: Study) -> list[Finding]:
    """Everything found in a study's material, warnings first."""
    clips = list(study.clips.all())
    twins = duplicates.twins(clips)
    warnings = [(clip.name, text) for clip in clips for text in clip.warnings]
    warnings += [(clip.name, duplicates.words(twins[clip.pk])) for clip in clips if clip.pk in twins]
    files = SuppliedFile.objects.filter(clip__study=study).select_related("clip", "condition")
    warnings += [(f"{file.clip.name}, {file.condition.title}", text) for file in files for text in file.warnings]
    notes = [(clip.name, text) for clip in clips for text in clip.notes]
    return [
        *(Finding("warning", about, text) for about, text in warnings),
        *(Finding("note", about, text) for about, text in notes),
    ]


def in_words(found: list[Finding]) -> str:
    """Findings for the report, those of one text together; "" for none."""
    parts = []
    for grade, heading in (("warning", "Warnings"), ("note", "Notes")):
        about: dict[str, list[str]] = {}
        for each in found:
            if each.grade == grade:
                about.setdefault(each.text, []).append(each.about)
        if about:
            said = " ".join(f"{listed([f'“{name}”' for name in names])}: {text}" for text, names in about.items())
            parts.append(f"{heading} about the material: {said}")
    return " ".join(parts)

"""Fields of the builder of questionnaires, which are named by their places."""

from __future__ import annotations

from django import template

from listening.questionnaire_form import SAID, Part, element_id
from listening.way_words import CHOICES

register = template.Library()


@register.inclusion_tag("listening/way/_typed.html")
def typed(part: Part, name: str, label: str, kind: str = "text", **more: object) -> dict[str, object]:
    """A field of a questionnaire or question; a text is a field for each language.

    Parameters
    ----------
    kind : str
        text, area or number.
    **more
        help, languages, least, most.
    """
    languages = more.get("languages") or [""]
    keys = [f"{name}:{language}" if name in SAID else name for language in languages] if name in SAID else [name]
    faults = part.faults.get(name, [])
    fields = [
        {
            "name": f"{part.place}.{key}",
            "id": element_id(f"{part.place}.{key}"),
            "value": part.typed.get(key, ""),
            "language": language,
            "in_language": CHOICES.get(language, "") if len(keys) > 1 else "",
        }
        for key, language in zip(keys, languages, strict=False)
    ]
    return {"fields": fields, "label": label, "kind": kind, "faults": faults, "fresh": part.fresh, **more}


@register.filter
def element(place: str) -> str:
    """Id of the element of a place."""
    return element_id(place)


@register.filter
def of(part: Part, name: str) -> str:
    """What was typed under a name."""
    return part.typed.get(name, "")

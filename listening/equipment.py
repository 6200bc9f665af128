"""The ready-made questionnaire: what is listened with, where, by whom. Names and values are a promise to the export."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext


def questionnaire() -> dict[str, Any]:
    """Its title, introduction and questions, in the language that is active. What is personal is optional."""
    return {
        "title": gettext("You and your equipment"),
        "intro": gettext(
            "What we hear depends on what we listen with. "
            "A few short questions: those marked as optional may be left out."
        ),
        "questions": [
            {
                "kind": "choice",
                "name": "device",
                "text": gettext("What do you listen with?"),
                "options": [
                    _option("over-ear-closed", gettext("Headphones around the ears, closed")),
                    _option("over-ear-open", gettext("Headphones around the ears, open")),
                    _option("on-ear", gettext("Headphones on the ears")),
                    _option("in-ear", gettext("Earphones in the ears")),
                    _option("loudspeakers", gettext("Loudspeakers")),
                    _option("built-in", gettext("The loudspeakers of this computer, tablet or phone")),
                    _option("unsure", gettext("Something else, or I am not sure")),
                ],
            },
            {
                "kind": "text",
                "name": "model",
                "text": gettext("Make and model"),
                "help": gettext("If you know it or can read it from the device."),
                "longest": 120,
                "optional": True,
            },
            {
                "kind": "choice",
                "name": "connection",
                "text": gettext("How is it connected?"),
                "options": [
                    _option("wired", gettext("By a cable, or built in")),
                    _option("bluetooth", gettext("Without a cable, by Bluetooth")),
                    _option("other-wireless", gettext("Without a cable, in another way")),
                    _option("unsure", gettext("I am not sure")),
                ],
            },
            {
                "kind": "choice",
                "name": "room",
                "text": gettext("How quiet is it where you are?"),
                "options": [
                    _option("quiet", gettext("Quiet")),
                    _option("some-noise", gettext("Some noise now and then")),
                    _option("noisy", gettext("Noise most of the time")),
                ],
            },
            {
                "kind": "choice",
                "name": "hearing",
                "text": gettext("Do you know of anything that affects your hearing?"),
                "help": gettext(
                    "For example a hearing loss, ringing in the ears, or a cold today. You are welcome in any case."
                ),
                "options": [
                    _option("no", gettext("No")),
                    _option("one-ear", gettext("Yes, on one side")),
                    _option("both-ears", gettext("Yes, on both sides")),
                    _option("unsure", gettext("I am not sure")),
                ],
                "optional": True,
            },
            {
                "kind": "choice",
                "name": "age",
                "text": gettext("How old are you?"),
                "options": [
                    _option("under-25", gettext("Under 25")),
                    _option("25-34", gettext("25 to 34")),
                    _option("35-44", gettext("35 to 44")),
                    _option("45-54", gettext("45 to 54")),
                    _option("55-64", gettext("55 to 64")),
                    _option("65-over", gettext("65 or over")),
                ],
                "optional": True,
            },
            {
                "kind": "choice",
                "name": "experience",
                "text": gettext("Have you taken part in listening tests before?"),
                "options": [
                    _option("never", gettext("No, this is my first")),
                    _option("some", gettext("Yes, a few times")),
                    _option("often", gettext("Yes, often")),
                ],
                "optional": True,
            },
            {
                "kind": "choice",
                "name": "music",
                "text": gettext("Have you been trained in music or sound?"),
                "help": gettext("Playing an instrument, singing, recording or mixing."),
                "options": [
                    _option("none", gettext("No")),
                    _option("under-5-years", gettext("Yes, for less than 5 years")),
                    _option("5-years-over", gettext("Yes, for 5 years or more")),
                    _option("professional", gettext("Yes, it is or was my work")),
                ],
                "optional": True,
            },
        ],
    }


def _option(value: str, text: str) -> dict[str, str]:
    return {"value": value, "text": text}

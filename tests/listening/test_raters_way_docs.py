"""docs/raters-way.md: its example is read, and every setting is in it."""

import re
from pathlib import Path

from listening import protocol
from listening.parts import Part
from listening.protocol import Protocol

TEXT = (Path(__file__).parents[2] / "docs" / "raters-way.md").read_text()


def test_the_example_is_a_protocol():
    found = protocol.read_yaml(re.search(r"```yaml\n(.*?)```", TEXT, re.S)[1])
    assert [each.name for each in found.questionnaires] == ["equipment", "fatigue", "after"]


def test_every_setting_is_in_the_reference():
    def places(model: type[Part], prefix: str = ""):
        for name, info in model.model_fields.items():
            inner = info.annotation
            if isinstance(inner, type) and issubclass(inner, Part) and inner.__name__ != "Ending":
                yield from places(inner, f"{prefix}{name}.")
            else:
                yield prefix + name

    rows = "\n".join(line.split("|")[1] for line in TEXT.splitlines() if line.startswith("|"))
    named = set(re.findall(r"`([^`]+)`", rows))
    named |= {f"ends{each}" for each in named if each.startswith(".")}
    missing = set(places(Protocol)) - named - {"texts"}
    assert missing == set()

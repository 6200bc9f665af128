"""YAML from people and from other installations: plain values only, with the line of what is wrong."""

from __future__ import annotations

from typing import Any

import yaml

LONGEST = 2_000_000
"""Characters."""
DEEPEST = 40


class WrongYaml(Exception):
    """A text that is no YAML, or more than plain values; says where."""


class _Loader(yaml.SafeLoader):
    """Without anchors: a few lines of them stand for more values than any memory holds. Each key once."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise WrongYaml(f"Line {mark.line + 1}: *names of values are not read here. Write the value out.")
        self._depth += 1
        if self._depth > DEEPEST:
            raise WrongYaml(f"Line {self.peek_event().start_mark.line + 1}: nested more than {DEEPEST} deep.")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise WrongYaml(f"Line {node.start_mark.line + 1}: {', '.join(twice)} stands there twice.")
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Without anchors, and texts of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def read(text: str) -> Any:
    """What a text of YAML holds.

    Raises
    ------
    WrongYaml
    """
    if len(text) > LONGEST:
        raise WrongYaml(f"The text has {len(text)} characters; {LONGEST} are read.")
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise WrongYaml(f"{place}this is not YAML ({getattr(error, 'problem', None) or error}).") from error
    except (ValueError, RecursionError) as error:  # a date that there is not, say
        raise WrongYaml(f"This is not YAML that can be read ({error}).") from error


def written(data: Any) -> str:
    """Plain values as YAML, in their order; the same for the same values."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)

"""YAML from people and from other installations: plain values only, with the line of what is wrong.

This is the only reader of YAML. A short text must not cost a web process its memory or its time, so that aliases,
tags, depth, length and the number of values are bounded, and so are the messages.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import yaml

LONGEST = 2_000_000
"""Characters."""
DEEPEST = 40
MOST_VALUES = 100_000
"""Names, values, lists: each takes some 20 µs."""
LONGEST_NUMBER = 100
"""Characters of a number, date or truth value: long ones take time that grows with the square of their length."""
LONGEST_MESSAGE = 300
"""Characters. A message quotes the text, which may be of any length."""

_STR = "tag:yaml.org,2002:str"
_WORDS = {_STR, "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}


class WrongYaml(Exception):
    """A text that is no YAML, or more than plain values; says where."""

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…")


class Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them stand for more values than any memory holds. Each key once."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = self._values = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        line = f"Line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise WrongYaml(f"{line}: *names of values are not read here. Write the value out.")
        if getattr(event, "tag", None) not in (None, "!", _STR):
            raise WrongYaml(f"{line}: the tag {event.tag} is not read here. Write the plain value.")
        self._values += 1
        if self._values > MOST_VALUES:
            raise WrongYaml(f"{line}: the text holds more than {MOST_VALUES} values.")
        self._depth += 1
        if self._depth > DEEPEST:
            raise WrongYaml(f"{line}: nested more than {DEEPEST} deep.")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def compose_scalar_node(self, anchor: Any) -> Any:
        node = super().compose_scalar_node(anchor)
        if node.tag not in _WORDS and len(node.value) > LONGEST_NUMBER:
            raise WrongYaml(f"Line {node.start_mark.line + 1}: a number of {len(node.value)} characters.")
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := sorted(key for key, n in keys.items() if n > 1):
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


def read(text: str, longest: int = LONGEST, loader: type[Loader] = Loader) -> Any:
    """What a text of YAML holds.

    Parameters
    ----------
    text : str
    longest : int, optional
        Characters that it may have.
    loader : type, optional
        A Loader that accepts more; see `webmushra_yaml`.

    Raises
    ------
    WrongYaml
    """
    if len(text) > longest:
        raise WrongYaml(f"The text has {len(text)} characters; {longest} are read.")
    try:
        return yaml.load(text, loader)  # a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise WrongYaml(f"{place}this is not YAML ({getattr(error, 'problem', None) or error}).") from error
    except (ValueError, ArithmeticError, RecursionError) as error:  # a date that there is not, say
        raise WrongYaml(f"This is not YAML that can be read ({error}).") from error


def written(data: Any) -> str:
    """Plain values as YAML, in their order; the same for the same values."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)

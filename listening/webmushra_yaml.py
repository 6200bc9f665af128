"""YAML as webMUSHRA's own parser accepts it: an unquoted value on one line may contain `: `.

YAML proper refuses `content: Please rate all sounds. A note: the reference is among them.`, and most labs have copied a
configuration with such a line. After `content: ` no name can begin on the same line, so that the rest is text.
"""

from __future__ import annotations

from typing import Any

import yaml

from listening import yaml_files

_LINE_ENDS = "\0\r\n\x85\u2028\u2029"


class _Loader(yaml_files.Loader):
    _is_value = False

    def fetch_plain(self) -> None:
        self._is_value = not self.flow_level and not self.allow_simple_key
        super().fetch_plain()

    def scan_plain(self) -> Any:
        token = super().scan_plain()
        if not self._is_value:
            return token
        text, end = token.value, token.end_mark
        while self.line == token.start_mark.line and self.peek() == ":":
            text += " " * (self.index - end.index) + ":"
            self.forward()
            end = self.get_mark()
            while self.peek() in " \t":
                self.forward()
            if self.peek() in f"#{_LINE_ENDS}":
                break
            text += " " * (self.index - end.index)
            piece = super().scan_plain()
            text, end = text + piece.value, piece.end_mark
        return yaml.ScalarToken(text, True, token.start_mark, end)


def read(text: str) -> Any:
    """What a configuration of webMUSHRA holds.

    Raises
    ------
    WrongYaml
    """
    return yaml_files.read(text, loader=_Loader)

"""Long names shortened in the middle, so that no two different ones read alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os.path import commonprefix

LONGEST = 24
"""Characters of a name in figures and tables."""


def short(name: str, longest: int = LONGEST) -> str:
    """The name, its middle replaced by an ellipsis where it has more than `longest` characters.

    >>> short("Opus 12"), short("Opus at 12 kbit/s", 9)
    ('Opus 12', 'Opus…it/s')
    """
    return _cut(name, longest, longest // 2)


def distinct(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Names of at most `longest` characters, different where the names are.

    Names that would read alike are cut elsewhere, all of them at the same place, or around the first letter in which
    they differ. Where that is not enough they are numbered.

    >>> distinct(["Opus 12", "Opus at 6 kbit/s", "Opus at 12 kbit/s"], 9)
    ['Opus 12', 'O…6 kbit…', 'O…12 kbi…']
    """
    labels = {name: short(name, longest) for name in names}
    alike: dict[str, list[str]] = {}
    for name, text in labels.items():
        alike.setdefault(text, []).append(name)
    for group in alike.values():
        if len(group) > 1:
            choices = list(_choices(group, longest))
            best = max(choices, key=lambda texts: len(set(texts)))  # the first of those
            labels |= dict(zip(group, best, strict=True))
    taken = {name for name in labels if len(name) <= longest}
    for name in labels:
        if name not in taken:
            labels[name] = _free(labels[name], taken, longest)
            taken.add(labels[name])
    return [labels[name] for name in names]


def _cut(name: str, longest: int, head: int) -> str:
    if len(name) <= longest:
        return name
    tail = longest - 1 - head
    return name[:head] + "…" + name[len(name) - tail :]


def _choices(group: Sequence[str], longest: int) -> Iterator[list[str]]:
    """Ways to shorten names: cut further left or right, then with what follows the letter where they part."""
    half = longest // 2
    for head in sorted(range(2, longest - 2), key=lambda head: abs(head - half)):
        yield [_cut(name, longest, head) for name in group]
    head = max(longest // 4 - 1, 1)
    start = len(commonprefix(list(group)))
    if start > head + 1:
        yield [_ending_in_dots(f"{name[:head]}…{name[start:]}", longest) for name in group]


def _ending_in_dots(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _free(text: str, taken: set[str], longest: int) -> str:
    """The text, numbered where another name has it."""
    free, number = text, 2
    while free in taken:
        mark = f" ({number})"
        free, number = text[: longest - len(mark)] + mark, number + 1
    return free

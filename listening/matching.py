"""Which file is of which clip, by their names.

>>> match(["mycodec_talk1.wav", "mycodec_talk10.wav", "noise.wav"], ["talk1", "talk10", "song"])
{'mycodec_talk1.wav': 'talk1', 'mycodec_talk10.wav': 'talk10', 'noise.wav': None}
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import PurePosixPath

LEAST_SHARE = 0.8
"""Of a clip's name that must stand in a file's, in one piece."""
LEAST_LETTERS = 3
"""That a file's name must have to be found within a clip's."""

Score = tuple[int, float]


def match(files: Iterable[str], clips: Iterable[str]) -> dict[str, str | None]:
    """Give each file the clip whose name has the longest piece in common with its own; each clip has one file at most.

    Parameters
    ----------
    files : iterable of str
        Names, with or without folders and endings.
    clips : iterable of str

    Returns
    -------
    dict of str to str or None
        None where no clip's name is near enough, where two are equally near, or where another file is nearer.
    """
    names, clips = list(dict.fromkeys(files)), list(dict.fromkeys(clips))
    found: dict[str, str | None] = dict.fromkeys(names)
    scores = {(name, clip): score for name in names for clip in clips if (score := _score(name, clip))}
    taken: set[str] = set()
    for name, clip in sorted(scores, key=lambda pair: scores[pair], reverse=True):
        if found[name] is not None or clip in taken:
            continue
        others = [(name, each) for each in clips if each != clip and each not in taken]
        others += [(each, clip) for each in names if each != name and found[each] is None]
        if all(scores.get(pair) != scores[name, clip] for pair in others):
            found[name] = clip
            taken.add(clip)
    return found


def _score(file: str, clip: str) -> Score | None:
    """Letters in common in one piece, and their share of the clip's name; None where that is too little."""
    own, its = _plain(PurePosixPath(file.replace("\\", "/")).stem), _plain(clip)
    size = SequenceMatcher(None, own, its, autojunk=False).find_longest_match().size
    within = size == len(own) >= LEAST_LETTERS
    if not its or not (size >= LEAST_SHARE * len(its) or within):
        return None
    return size, size / len(its)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()

"""IDs that others know a rater by, such as Prolific's, from the address of an invite link."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from django.http import QueryDict

MOST, LONGEST_NAME, LONGEST = 10, 60, 200
NO_IDS = ("new", "signed")
"""Parameters of our own: "another person", and the signature of `listening.signed_links`."""

_NOBODY = frozenset({"", "undefined", "null", "none", "nil", "nan", "assignment_id_not_available"})
"""What programs write where a value is missing."""
_PLACEHOLDER = re.compile(r"[{}\[\]<>]|^%.*%$|^\$\w*$|^__\w+__$")
"""`${e://Field/ID}`, `{{ID}}`, `{{%ID%}}`, `[%RID%]`, `[ID]`, `<ID>`, `{ID}`, `%SURVEY_CODE%`, `$ID`, `__ID__`."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffd]")
"""U+FFFD: what `%DEVICE_ID%` begins with once it is read as an address: %DE is no character."""


def identifies(value: str) -> bool:
    """Whether a value can be somebody's ID: not empty, no placeholder that a panel left unfilled, nothing cut off."""
    return not (
        value.strip().lower() in _NOBODY
        or len(value) > LONGEST
        or _PLACEHOLDER.search(value)
        or _PLACEHOLDER.search(unquote(value))  # links that were encoded twice
        or _UNPRINTABLE.search(value)
    )


def read(query: QueryDict, names: Iterable[str] = ()) -> dict[str, str]:
    """IDs in an address, bounded in number and size. A value that identifies nobody is left out.

    Parameters
    ----------
    query : QueryDict
    names : iterable of str
        That the link must carry: they are kept first.
    """
    wanted = set(names)
    found = [(name.strip(), value.strip()) for name, value in query.items() if name not in NO_IDS]
    kept = [(name, value) for name, value in found if _is_name(name) and identifies(value)]
    return dict(sorted(kept, key=lambda pair: pair[0] not in wanted)[:MOST])


def _is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and not _UNPRINTABLE.search(name)

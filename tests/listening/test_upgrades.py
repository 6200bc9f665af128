"""What migrations make of values that an earlier version stored; on Postgres: `tests/integration`."""

from importlib import import_module

import pytest

from listening.protocol import read

LINKS = import_module("listening.migrations.0019_links")


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["panel"], ()),
        (["panel", "PID"], ("PID",)),
        (["signed", "new"], ()),
        ([f"n{i}" for i in range(12)], tuple(f"n{i}" for i in range(10))),
        (["PID"], ("PID",)),
        ([], ()),
    ],
)
def test_the_way_of_a_study_whose_ids_had_names_of_our_own_can_be_read(names, kept):
    way = {"repeats": 1, "identity": {"names": names, "required": True}}
    protocol = read(LINKS.without_own_names(way))
    assert (protocol.identity.names, protocol.repeats) == (kept, 1)

"""Every command gives a number with its caveat or says why it does not, whatever the ratings are like."""

import re

import pytest

from analysis.__main__ import main

from .studies import BAD_DATA

NOT_A_NUMBER = re.compile(r"\b(nan|NaN|None|inf)\b")


@pytest.mark.parametrize("name", BAD_DATA)
def test_every_command_answers_or_refuses_in_words(name, tmp_path, capsys):
    BAD_DATA[name].to_csv(tmp_path / "ratings.csv", index=False)
    file = str(tmp_path / "ratings.csv")
    commands = {
        "screen": ["screen", file],
        "compare": ["compare", file],
        "compare, items fixed": ["compare", file, "--items", "fixed"],
        "claim": ["claim", file, "--margin", "5"],
        "power": ["power", "difference", "--difference", "20", "--pilot", file, "--studies", "5", "--raters", "4"],
    }
    for command, arguments in commands.items():
        code = main(arguments)
        said = capsys.readouterr()
        assert not NOT_A_NUMBER.search(said.out), (command, said.out)
        assert "Traceback" not in said.err
        if code:
            assert code == 2, command
            assert said.err.startswith("analysis: "), command
            assert len(said.err) > 40, command
        else:
            assert said.out, command

"""`python -m analysis report` from files as people have them."""

import io
import json
import subprocess
import sys

import pandas as pd
import pytest

from analysis.__main__ import main

from .studies import FEW, exported, scores_table


def test_a_report_is_written_from_an_export(tmp_path, capsys):
    exported(6, 3, conditions=FEW).to_csv(tmp_path / "ratings.csv", index=False)
    out = tmp_path / "new" / "out"
    assert main(["report", str(tmp_path / "ratings.csv"), "-o", str(out), "--title", "Speech, first round"]) == 0
    assert "6 raters are analysed" in capsys.readouterr().out
    written = {path.name for path in out.iterdir()}
    assert written >= {"conditions.csv", "figures", "raters.csv", "report.html", "report.pdf", "tests.json"}
    assert written >= {
        "methods.txt",
        "influence.csv",
        "screening.csv",
        "tables",
        "contrasts.csv",
        "claim.csv",
        "rates.csv",
        "means.csv",
        "variances.csv",
        "wilcoxon.csv",
    }
    kinds = ("means", "boxes", "violins", "items", "differences", "influence", "residuals", "rates", "raters")
    figures = {f"{kind}.{ending}" for kind in kinds for ending in ("pdf", "png", "svg")}
    assert {path.name for path in (out / "figures").iterdir()} == figures
    assert (out / "figures" / "means.png").read_bytes().startswith(b"\x89PNG")
    assert "<h1>Speech, first round</h1>" in (out / "report.html").read_text()


def test_the_program_refuses_an_empty_table_in_one_line(tmp_path):
    exported(1, 1).iloc[:0].to_csv(tmp_path / "ratings.csv", index=False)
    command = [sys.executable, "-m", "analysis", "report", tmp_path / "ratings.csv", "-o", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    message = "No ratings found: the table has column names but no rows."
    assert done.stderr == f"analysis: {tmp_path / 'ratings.csv'}: {message}\n"
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["report", str(tmp_path / "none.csv"), "-o", str(tmp_path / "out")]) == 2
    assert "none.csv: There is no such file." in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_named(tmp_path, capsys):
    exported(2, 2).to_csv(tmp_path / "ratings.csv", index=False)
    (tmp_path / "out").write_text("a file")
    assert main(["report", str(tmp_path / "ratings.csv"), "-o", str(tmp_path / "out")]) == 2
    assert str(tmp_path / "out") in capsys.readouterr().err


def test_a_wide_table_is_read_when_it_is_named(tmp_path, capsys):
    rows = ["rater,item,Reference,A,B", *(f"r{n},{item},{90 + n},{40 + n},{60 - n}" for n in range(4) for item in "xy")]
    (tmp_path / "ratings.csv").write_text("\n".join(rows))
    arguments = ["report", str(tmp_path / "ratings.csv"), "-o", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "name the layout: wide" in capsys.readouterr().err
    assert main([*arguments, "--layout", "wide"]) == 0
    assert "4 raters are analysed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option", [["--layout", "long"], ["--screening", "bs1534"], ["--role", "A=anchor"], ["--ci", "z"]]
)
def test_an_option_with_an_unknown_value_is_refused(tmp_path, capsys, option):
    with pytest.raises(SystemExit) as stop:
        main(["report", "ratings.csv", "-o", str(tmp_path), *option])
    assert stop.value.code == 2
    assert option[1] in capsys.readouterr().err


def test_several_rules_roles_and_an_order_can_be_given(tmp_path):
    table = scores_table({"Original": [100, 50, 98], "LP35": [10, 20, 95], "A": [60, 50, 40], "B": [70, 30, 45]})
    table.to_json(tmp_path / "ratings.json", orient="records")
    options = [
        "--role",
        "Original=hidden_reference",
        "--role",
        "LP35=low_anchor",
        "--order",
        "B",
        "--quantiles",
        "hazen",
    ]
    rules = ["--screening", "bs1534_hidden_reference", "encodec_2022"]
    assert main(["report", str(tmp_path / "ratings.json"), "-o", str(tmp_path), *options, *rules]) == 0
    assert pd.read_csv(tmp_path / "conditions.csv")["condition"].tolist() == ["B", "Original", "A", "LP35"]
    raters = pd.read_csv(tmp_path / "raters.csv").set_index("rater")
    assert raters["excluded"].tolist() == [False, True, True]
    assert raters.loc[3, "reason"].startswith("encodec_2022: low anchor above 80 in 1 of 1 trials")
    assert json.loads((tmp_path / "tests.json").read_text())["settings"]["quantiles"] == "hazen"


def test_what_a_rule_could_not_do_is_said_on_stderr(tmp_path, capsys):
    scores_table({"A": [60, 50], "B": [70, 30]}).to_csv(tmp_path / "ratings.csv", index=False)
    assert main(["report", str(tmp_path / "ratings.csv"), "-o", str(tmp_path / "out")]) == 0
    assert "bs1534_hidden_reference was not applied" in capsys.readouterr().err


@pytest.mark.slow
def test_unfinished_sessions_are_analysed_only_when_asked_for(tmp_path):
    export = exported(4, 2)
    export.loc[export["rater"] == "R02", "session_state"] = "trials"
    export.to_parquet(tmp_path / "ratings.parquet")
    command = ["report", str(tmp_path / "ratings.parquet"), "-o", str(tmp_path)]
    assert main(command) == 0
    assert pd.read_csv(tmp_path / "conditions.csv")["n_raters"].unique().tolist() == [3]
    assert main([*command, "--keep-unfinished"]) == 0
    assert pd.read_csv(tmp_path / "conditions.csv")["n_raters"].unique().tolist() == [4]


@pytest.fixture
def ratings(tmp_path):
    """An export of twelve raters and eight clips."""
    path = tmp_path / "ratings.csv"
    exported(12, 8).to_csv(path, index=False)
    return path


def test_who_is_excluded_is_listed_with_reasons(ratings, capsys):
    assert main(["screen", str(ratings), "--screening", "bs1534_hidden_reference"]) == 0
    assert "0 of 12 raters are excluded." in capsys.readouterr().out


def test_the_mixed_model_is_printed_with_what_its_items_mean(ratings, capsys):
    assert main(["compare", str(ratings)]) == 0
    said = capsys.readouterr().out
    assert "Items are a sample" in said
    assert "item:condition" in said
    assert main(["compare", str(ratings), "--items", "fixed", "--csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(table) == 9 * 8 / 2
    assert not table.drop(columns="note").isna().any().any()


def test_a_claim_is_answered_in_sentences(ratings, capsys):
    assert main(["claim", str(ratings), "--margin", "8"]) == 0
    said = capsys.readouterr().out
    assert "Opus 6 (6.1 kbit/s) is worse than EnCodec 12 (12 kbit/s)" in said
    assert "EnCodec 12 (12 kbit/s) is no worse than Opus 12 (12.3 kbit/s) within 8 points" in said
    assert "Opus 6 is not shown to be transparent within 8 points" in said
    assert "EnCodec reaches Opus 12 (12.3 kbit/s) at" in said
    assert "inf" not in said
    assert "nan" not in said


def test_the_primary_claim_is_answered_first(ratings, tmp_path, capsys):
    options = ["--margin", "8", "--primary", "EnCodec 12", "no worse", "Opus 12"]
    assert main(["claim", str(ratings), *options]) == 0
    claim_words = "EnCodec 12 is not worse than Opus 12 by more than 8 points"
    assert capsys.readouterr().out.startswith(f"Primary claim. Shown: {claim_words} (")
    assert main(["report", str(ratings), "-o", str(tmp_path / "report"), *options]) == 0
    assert capsys.readouterr().out.startswith("Primary claim. Shown: ")


@pytest.mark.parametrize(
    ("primary", "why"),
    [
        (["EnCodec 13", "better", "Opus 12"], "--primary names 'EnCodec 13'. The ratings have: "),
        (["EnCodec 12", "nicer", "Opus 12"], "states one of: better, no worse, equivalent, reaches; not 'nicer'"),
        (["EnCodec 12", "no worse", "Opus 12"], "'no worse' needs a margin above 0 and below 100 points"),
        (["EnCodec 12", "better", "EnCodec 12"], "compares EnCodec 12 with itself. Name two conditions."),
    ],
)
def test_a_primary_claim_that_cannot_be_tested_is_refused_with_the_reason(ratings, capsys, primary, why):
    assert main(["claim", str(ratings), "--primary", *primary]) == 2
    assert why in capsys.readouterr().err


def test_a_margin_of_nothing_is_refused(ratings, capsys):
    assert main(["claim", str(ratings), "--margin", "0"]) == 2
    assert "above 0" in capsys.readouterr().err


def test_a_rate_that_is_none_is_refused(ratings, capsys):
    with pytest.raises(SystemExit):
        main(["claim", str(ratings), "--rate", "Opus 12=fast"])
    assert "CONDITION=KBPS" in capsys.readouterr().err


def test_the_number_of_raters_for_a_margin_is_found_by_simulation(ratings, capsys):
    options = ["--margin", "12", "--studies", "30", "--systems", "3", "--raters", "8"]
    assert main(["power", "non_inferiority", *options, "--pilot", str(ratings)]) == 0
    said = capsys.readouterr().out
    assert "raters show it in 80% of studies" in said or "more items are needed" in said
    assert main(["power", "difference", "--difference", "25", "--studies", "20", "--systems", "3", "--csv"]) == 0
    assert (pd.read_csv(io.StringIO(capsys.readouterr().out))["share"] <= 1).all()


def test_power_without_its_margin_says_so(capsys):
    assert main(["power", "equivalence", "--studies", "5"]) == 2
    assert "--margin" in capsys.readouterr().err


@pytest.mark.slow
def test_the_number_of_raters_for_an_equivalent_rate_is_found(capsys):
    curve = ["--curve", "1.5=35", "--curve", "6=60", "--curve", "12=75"]
    options = ["--target", "50", "--studies", "20", "--items-rated", "12", "--raters", "12"]
    assert main(["power", "equivalent_rate", *curve, *options]) == 0
    assert "raters show it in 80% of studies." in capsys.readouterr().out


def test_an_equivalent_rate_takes_two_rates(capsys):
    assert main(["power", "equivalent_rate", "--curve", "6=60"]) == 2
    assert "--curve KBPS=MEAN" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["power", "equivalent_rate", "--curve", "6"])
    assert "'6' is not KBPS=MEAN" in capsys.readouterr().err


@pytest.mark.slow
def test_bootstrap_intervals_come_with_their_warning(tmp_path):
    exported(8, 4).to_csv(tmp_path / "ratings.csv", index=False)
    assert main(["report", str(tmp_path / "ratings.csv"), "-o", str(tmp_path / "report"), "--ci", "bootstrap"]) == 0
    text = (tmp_path / "report" / "report.html").read_text()
    assert "bias-corrected and accelerated bootstrap" in text
    assert "With fewer than 30 raters a bootstrap interval is too narrow" in text
    found = pd.read_csv(tmp_path / "report" / "conditions.csv")
    assert (found["ci_low"] < found["mean"]).all()
    ranks = pd.read_csv(tmp_path / "report" / "ranks.csv")
    assert ranks["mean_rank"].mean() == pytest.approx((len(ranks) + 1) / 2)

"""The claim is shown under each screening rule, so that a reader sees which of them it depends on."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.claim import claim
from analysis.frame import tidy
from analysis.report import build_report
from analysis.report.findings import findings
from analysis.screening import RULES, screen
from analysis.screening_sensitivity import screening_sensitivity

from .studies import exported
from .test_report import text_of


def study(n_careless: int = 3) -> pd.DataFrame:
    """Nine careful raters hear no difference; careless ones, who miss the reference, put Opus far below Lyra."""
    draw = np.random.default_rng(4)
    rows = []
    for rater in range(9 + n_careless):
        careless = rater >= 9
        for item in range(6):
            scores = {
                "Reference": 70 if careless else 97,
                "Opus 6": 55 - 45 * careless + draw.normal(0, 2),
                "Lyra 6": 55 + 10 * careless + draw.normal(0, 2),
            }
            rows += [(f"R{rater + 1}", f"clip {item + 1}", name, score) for name, score in scores.items()]
    return pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])


def verdict(found, rules: str, kind: str = "margin") -> str:
    rows = found.verdicts[found.verdicts["rules"].str.contains(rules, regex=False)]
    return rows.loc[rows["kind"] == kind, "verdict"].item()


def test_a_claim_that_holds_only_after_screening_is_shown_to_depend_on_it():
    found = screening_sensitivity(tidy(study()), ["bs1534_hidden_reference"], margin=5)
    assert verdict(found, "(the study)") == "equivalent"
    assert verdict(found, "mpeg") == "equivalent"
    assert verdict(found, "none") == "no worse"
    runs = found.runs.set_index("rules")
    assert runs["n_raters"].to_dict() == {
        "bs1534_hidden_reference (the study), encodec_2022, mpeg": 9,
        "no_variance, none": 12,
    }
    assert runs["changes"].tolist()[0] == 0
    assert runs["changes"].tolist()[1] >= 1


def test_a_claim_on_careful_raters_depends_on_no_rule():
    found = screening_sensitivity(tidy(study(0)), ["none"], margin=5)
    assert len(found.runs) == 1
    assert not found.verdicts["changes"].any()


def test_every_verdict_is_that_of_the_claim_on_the_raters_whom_the_rule_keeps():
    frame = tidy(study())
    found = screening_sensitivity(frame, ["none"], margin=5)
    for _, run in found.runs.iterrows():
        rule = run["rules"].split(",")[0].removesuffix(" (the study)")
        expected = claim(screen(frame, [rule]).kept, margin=5).comparisons
        own = found.verdicts[(found.verdicts["rules"] == run["rules"]) & (found.verdicts["kind"] == "margin")]
        assert own["verdict"].tolist() == expected["verdict"].tolist()
        np.testing.assert_allclose(own["low"], expected["lower"])


def test_rules_that_cannot_be_applied_are_named():
    found = screening_sensitivity(tidy(study()), ["none"], margin=5)
    named = ", ".join(found.runs["rules"])
    left_out = [name for name in RULES if name not in named]
    assert left_out == ["bs1534_mid_anchor", "cannot_have_listened", "too_fast", "not_heard", "marked"]
    for name in left_out[:-1]:
        assert any(note.startswith(f"{name} was not applied") for note in found.notes)


def test_where_a_rule_leaves_no_rater_the_reason_stands_there():
    table = study().assign(score=lambda t: t["score"].where(t["condition"] != "Reference", 60))
    found = screening_sensitivity(tidy(table), ["none"], margin=5)
    run = found.runs[found.runs["n_raters"] == 0].iloc[0]
    assert "mpeg" in run["rules"]
    assert "at least 2 conditions" in run["note"]


def test_without_a_margin_the_differences_are_compared():
    found = screening_sensitivity(tidy(study()), ["mpeg"])
    assert set(found.verdicts["kind"]) == {"difference"}
    assert found.verdicts["verdict"].iloc[0] == "no difference shown"


@pytest.mark.parametrize("margin", [5.0, float("nan")])
def test_the_report_has_the_table_and_a_sentence_in_its_summary(margin, tmp_path):
    report = build_report(study(n_careless=5), screening=["mpeg"], margin=margin)
    text = text_of(report.html)
    n = len(report.screening_sensitivity.verdicts[["system", "against"]].drop_duplicates())
    assert f"of {n} verdict" in " ".join(findings(report))
    assert "1 (the study's) mpeg (the study), bs1534_hidden_reference, encodec_2022 9 5 0" in text
    report.save(tmp_path)
    assert len(json.loads((tmp_path / "tests.json").read_text())["screening_sensitivity"]["runs"]) == 2
    assert len(pd.read_csv(tmp_path / "screening.csv")) == 2 * n


def test_marks_of_an_export_are_a_rule_like_the_others():
    export = exported(6, 5)
    export.loc[export["rater"] == "R02", "excluded"] = "asked for it"
    found = screening_sensitivity(tidy(export), ["marked"], margin=5)
    assert found.runs.iloc[0][["rules", "n_excluded"]].tolist() == ["marked (the study)", 1]

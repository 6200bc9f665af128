"""The primary claim: tested alone, answered first, and its words agree with its figures."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.claim import claim
from analysis.frame import RatingsError, tidy
from analysis.inference import holm
from analysis.mixed import mixed_model
from analysis.primary import PrimaryClaim
from analysis.primary_answer import answer, secondary, sentence
from analysis.report import build_report
from analysis.report.findings import findings
from analysis.screening_sensitivity import screening_sensitivity

from . import test_screening_sensitivity
from .studies import exported
from .test_comparisons import WITH_REFERENCE, study
from .test_report import text_of


@pytest.fixture(scope="module")
def frame():
    return tidy(exported(12, 8))


def test_better_is_the_two_sided_test_of_the_pair_alone_without_a_correction(frame):
    found = answer(PrimaryClaim("EnCodec 12", "better", "Opus 12"), frame)
    pair = mixed_model(frame).difference("EnCodec 12", "Opus 12")
    assert (found.estimate, found.se, found.df) == pytest.approx((pair.value, pair.se, pair.df), rel=1e-6)
    assert found.p == pytest.approx(pair.p, rel=1e-6)
    assert (found.low, found.high) == pytest.approx(pair.interval(0.95), rel=1e-6)
    assert found.shown == (pair.p < 0.05 and pair.value > 0)


def test_no_worse_and_equivalent_are_one_sided_tests_against_the_margin(frame):
    found = answer(PrimaryClaim("EnCodec 12", "no worse", "Opus 12", 8), frame)
    assert found.p == pytest.approx(stats.t.sf((found.estimate + 8) / found.se, found.df))
    assert found.low == pytest.approx(found.estimate - stats.t.ppf(0.95, found.df) * found.se)
    assert found.shown == (found.low > -8)
    both = answer(PrimaryClaim("EnCodec 12", "equivalent", "Opus 12", 8), frame)
    assert both.p == pytest.approx(max(found.p, stats.t.cdf((found.estimate - 8) / found.se, found.df)))


def test_a_system_may_be_claimed_to_be_transparent():
    frame = study(np.random.default_rng(5), WITH_REFERENCE, items=6)
    assert answer(PrimaryClaim("Opus 64", "no worse", "Reference", 12), frame).shown
    assert not answer(PrimaryClaim("Opus 6", "no worse", "Reference", 12), frame).shown


def test_a_rate_is_claimed_to_reach_another_systems_quality(frame):
    found = answer(PrimaryClaim("EnCodec 12", "reaches", "Opus 6"), frame)
    row = claim(frame).rates.set_index(["codec", "against"]).loc[("EnCodec", "Opus 6")]
    assert (found.estimate, found.low, found.high) == pytest.approx((row["kbps"], row["low"], row["high"]), rel=1e-6)
    assert found.shown
    said = "Shown: the codec of EnCodec 12 reaches the quality of Opus 6 at the rate of EnCodec 12 or a lower one ("
    assert sentence(found).startswith(said)
    assert not answer(PrimaryClaim("EnCodec 1.5", "reaches", "Opus 12"), frame).shown


@pytest.mark.parametrize(
    ("primary", "why"),
    [
        (PrimaryClaim("EnCodec 12", "better", "Gone"), "No rating of Gone is left after screening."),
        (PrimaryClaim("Opus 12", "reaches", "Opus 6"), "are rates of one codec. Name another codec."),
        (
            PrimaryClaim("EVS 9.6", "reaches", "Opus 12"),
            "EVS 9.6 has no rate-quality curve: rate its codec at two or more known rates.",
        ),
    ],
)
def test_a_claim_that_cannot_be_tested_says_why(frame, primary, why):
    found = answer(primary, frame)
    assert (found.shown, found.verdict) == (None, "cannot be tested")
    assert why in sentence(found)


def test_a_rate_that_no_mean_reaches_is_put_in_words(frame):
    said = sentence(answer(PrimaryClaim("EnCodec 12", "reaches", "Reference"), frame))
    assert "(its mean curve does not meet it)" in said
    assert "nan" not in said


@pytest.mark.parametrize("statement", ["no worse", "equivalent"])
@pytest.mark.parametrize("margin", [float("nan"), 0, -3, 100, float("inf")])
def test_a_claim_within_a_margin_needs_one_within_the_scale(statement, margin):
    with pytest.raises(RatingsError, match="needs a margin above 0 and below 100 points"):
        PrimaryClaim("A", statement, "B", margin)


def test_identical_ratings_are_equivalent_and_their_error_is_said_to_be_unknown():
    frame = study(np.random.default_rng(2), {"Opus 12": 60.0})
    both = tidy(pd.concat([frame, frame.assign(condition="Copy")]))
    found = answer(PrimaryClaim("Copy", "equivalent", "Opus 12", 3), both)
    assert (found.shown, found.low, found.high) == (True, 0, 0)
    assert "their ratings are identical, so that the error of the difference cannot be estimated" in sentence(found)
    assert "p <" not in sentence(found)


def test_a_significant_difference_in_the_opposite_direction_is_named(frame):
    found = answer(PrimaryClaim("EnCodec 1.5", "better", "EnCodec 12"), frame)
    assert not found.shown
    assert "the difference is significant in the opposite direction" in sentence(found)


def test_names_are_compared_as_ratings_have_them():
    assert PrimaryClaim(" Cafe\u0301 12 ", "better", "Opus").system == "Café 12"


def test_the_methods_name_the_family_without_the_pair_of_the_claim():
    report = build_report(exported(6, 6), margin=8, primary=PrimaryClaim("EnCodec 12", "better", "Opus 12"))
    assert "Holm's correction covers the 35 other pairs." in text_of(report.html)
    assert "of 35 other pairs of systems" in " ".join(findings(report))
    against = build_report(exported(6, 6), margin=8, primary=PrimaryClaim("EnCodec 12", "better", "Reference"))
    assert "Holm's correction covers 36 pairs." in text_of(against.html)


def test_kilobits_are_not_shown_as_points():
    report = build_report(exported(6, 6), margin=8, primary=PrimaryClaim("EnCodec 12", "reaches", "Opus 6"))
    assert "EnCodec 12 Opus 6 1 (the study's) kbit/s" in text_of(report.html)


def test_the_pair_of_a_claim_of_superiority_is_not_in_the_family(frame):
    contrasts = mixed_model(frame).contrasts()
    found = secondary(contrasts, PrimaryClaim("Opus 12", "better", "EnCodec 12"))
    alone = (contrasts["a"] == "EnCodec 12") & (contrasts["b"] == "Opus 12")
    assert alone.sum() == 1
    assert found.loc[alone, "p_holm"].item() == contrasts.loc[alone, "p"].item()
    np.testing.assert_allclose(found.loc[~alone, "p_holm"], holm(contrasts.loc[~alone, "p"].to_numpy()))


@pytest.mark.parametrize("statement", ["better", "no worse", "equivalent"])
def test_the_pair_of_the_claim_is_not_in_the_secondary_table(frame, statement):
    pairs = claim(frame, margin=8).comparisons[["system", "against"]].to_numpy().tolist()
    assert ["EnCodec 12", "Opus 12"] in pairs
    primary = PrimaryClaim("EnCodec 12", statement, "Opus 12", 8)
    others = claim(frame, margin=8, primary=primary).comparisons[["system", "against"]].to_numpy().tolist()
    assert others == [pair for pair in pairs if pair != ["EnCodec 12", "Opus 12"]]


def test_the_answer_agrees_with_its_figures_in_500_random_studies():
    draw = np.random.default_rng(12)
    seen = set()
    for _ in range(500):
        middle = draw.uniform(20, 95)
        means = {"Opus 6": middle, "Lyra 6": middle + draw.normal(0, 6)}
        statement = str(draw.choice(["better", "no worse", "equivalent"]))
        primary = PrimaryClaim("Opus 6", statement, "Lyra 6", 6.0)  # type: ignore[arg-type]
        found = answer(primary, study(draw, means, raters=5))
        shown = {
            "better": found.low > 0,
            "no worse": found.low > -6,
            "equivalent": found.low > -6 and found.high < 6,
        }[statement]
        assert found.shown == shown
        assert sentence(found).startswith("Shown: " if shown else "Not shown: ")
        seen.add((statement, shown))
    assert len(seen) == 6


def test_the_report_answers_it_first_and_says_what_is_secondary():
    primary = PrimaryClaim("EnCodec 12", "no worse", "Opus 12", 8)
    report = build_report(exported(12, 8), margin=8, primary=primary)
    first = report.document.sections[0].blocks[0].text
    assert first.startswith("Primary claim. Shown: EnCodec 12 is not worse than Opus 12 by more than 8 points (")
    assert first.endswith("for other raters and other items of the same kind.")
    text = text_of(report.html)
    assert "The primary claim was fixed before the data: EnCodec 12 is not worse than Opus 12" in text
    assert "All other comparisons are secondary." in text
    assert report.tests()["primary_claim"]["verdict"] == "shown"


def test_the_claim_of_a_study_of_one_system_is_answered():
    table = exported(6, 6)
    table = table[table["condition"].isin(["EnCodec 12", "Reference"])]
    report = build_report(table, primary=PrimaryClaim("EnCodec 12", "no worse", "Reference", 50))
    assert report.claim is None
    assert set(report.screening_sensitivity.verdicts["verdict"]) == {"shown"}
    assert "Shown: EnCodec 12 is not worse than Reference by more than 50 points" in text_of(report.html)


def test_a_report_without_a_primary_claim_says_so():
    text = text_of(build_report(exported(4, 5)).html)
    assert "No primary claim was declared: every comparison is secondary." in text


def test_the_primary_claim_is_answered_under_each_screening_rule():
    frame = tidy(test_screening_sensitivity.study())
    primary = PrimaryClaim("Opus 6", "no worse", "Lyra 6", 5)
    found = screening_sensitivity(frame, ["bs1534_hidden_reference"], margin=5, primary=primary)
    rows = found.verdicts[found.verdicts["kind"] == "primary"]
    assert dict(zip(rows["rules"], rows["verdict"], strict=True)) == {
        "bs1534_hidden_reference (the study), encodec_2022, mpeg": "shown",
        "no_variance, none": "not shown",
    }

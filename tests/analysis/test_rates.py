"""Rate-quality curves, and the rate at which one codec reaches another."""

import numpy as np
import pandas as pd
import pytest

from analysis.claim import claim, sentences
from analysis.codec_names import codec_of, rate_in_name, rate_in_spec
from analysis.frame import RatingsError, tidy
from analysis.mixed import cells_of, mixed_model, model_of
from analysis.rate_contrasts import RateContrasts, complete_contrasts, rate_contrasts
from analysis.rates import (
    Curve,
    contrast_weights,
    curves,
    equivalent_rate,
    fall,
    known_rates,
    monotone,
    points,
    said_by_names,
)
from analysis.simulation import Components, Plan, as_frame, draw_scores

QUIET = Components(80, 40, 5, 10, 60)
ENCODEC = Curve("encodec", ("e1.5", "e3", "e6", "e12"), (1.5, 3.0, 6.0, 12.0))


def fitted(means, *, seed=1, n_raters=20, n_items=10, components=QUIET):
    plan = Plan(n_raters, n_items, means, components)
    return mixed_model(as_frame(draw_scores(plan, np.random.default_rng(seed)), plan))


RISING = {"e1.5": 30.0, "e3": 45.0, "e6": 60.0, "e12": 75.0}


def test_a_rate_between_two_points_is_found_with_its_interval():
    found = equivalent_rate(fitted(RISING | {"mp3": 52.5}), ENCODEC, "mp3", 64.0)
    assert found.status == "reached"
    assert found.low < found.kbps < found.high
    assert found.low < 3 * 2**0.5 < found.high  # the truth
    assert found.kbps == pytest.approx(3 * 2**0.5, rel=0.25)
    estimate, least, most = found.factor
    assert estimate == pytest.approx(64 / found.kbps)
    assert (least, most) == (pytest.approx(64 / found.high), pytest.approx(64 / found.low))


def test_a_quality_that_no_rate_has_is_not_reached():
    found = equivalent_rate(fitted(RISING | {"mp3": 90.0}), ENCODEC, "mp3", 64.0)
    assert (found.status, found.high) == ("not reached", float("inf"))
    assert np.isnan(found.kbps)


def test_a_quality_that_the_lowest_rate_exceeds_is_at_most_there():
    found = equivalent_rate(fitted(RISING | {"mp3": 10.0}), ENCODEC, "mp3", 64.0)
    assert (found.status, found.kbps, found.low, found.high) == ("exceeded", 1.5, 0.0, 1.5)
    assert found.factor[2] == float("inf")


def test_a_meeting_that_chance_explains_is_no_reaching():
    found = [
        equivalent_rate(fitted(RISING | {"mp3": 75.0}, seed=seed, n_raters=6, n_items=4), ENCODEC, "mp3", 64.0)
        for seed in range(12)
    ]
    assert [one.status for one in found].count("reached") <= 2
    not_reached = [one.kbps for one in found if one.status == "not reached"]
    assert any(kbps > 0 for kbps in not_reached)
    assert any(np.isnan(kbps) for kbps in not_reached)


def test_a_codec_against_its_own_rate_meets_there():
    found = equivalent_rate(fitted(RISING), ENCODEC, "e6", 6.0)
    assert (found.low, found.kbps, found.high) == pytest.approx((6.0, 6.0, 6.0))  # there is nothing to be unsure of


def test_means_that_fall_are_levelled():
    assert monotone([40, 30, 60], [1, 1, 1]).tolist() == [35, 35, 60]
    found = equivalent_rate(fitted(RISING | {"e3": 62.0, "mp3": 50.0}), ENCODEC, "mp3", 64.0)
    assert 1.5 < found.kbps < 3


NAMES = (*ENCODEC.conditions, "mp3")


def drawn(mean=70.0, *, seed=1, n_raters=20, n_items=10, **lost):
    """Scores of one study, shape (raters, items, conditions), and its model."""
    plan = Plan(n_raters, n_items, RISING | {"mp3": mean}, **lost)
    scores = draw_scores(plan, np.random.default_rng(seed))
    return scores, model_of(cells_of(scores), NAMES)


def test_a_rated_point_has_the_error_of_the_two_conditions_alone():
    scores, model = drawn()
    names, weights = contrast_weights(ENCODEC, "mp3")
    found = rate_contrasts(model, names, weights, 0.95)
    pair = model.difference("e12", "mp3")
    assert (found.value[-1], found.se[-1], found.df[-1]) == pytest.approx((pair.value, pair.se, pair.df), rel=1e-6)
    noisy = scores.copy()
    noisy[:, :, 0] += np.random.default_rng(2).normal(0, 40, scores.shape[:2])
    other = rate_contrasts(model_of(cells_of(noisy), NAMES), names, weights, 0.95)
    assert other.se[-1] == pytest.approx(found.se[-1])  # raters agree less about the lowest rate, which is not in it
    assert other.se[0] > 1.3 * found.se[0]


def test_fixed_items_have_the_error_of_raters_means():
    scores, _ = drawn(n_raters=30)
    scores += np.random.default_rng(3).normal(0, 8, (30, 1, 5))  # raters differ, beyond the residual
    _, weights = contrast_weights(ENCODEC, "mp3")
    found = complete_contrasts(scores, weights, fixed_items=True)
    of_raters = (scores[:, :, 3] - scores[:, :, 4]).mean(axis=1)
    assert found.se[-1] == pytest.approx(of_raters.std(ddof=1) / 30**0.5)
    assert found.df[-1] == pytest.approx(29)


def test_incomplete_ratings_have_the_error_of_the_conditions_of_each_rate():
    names, weights = contrast_weights(ENCODEC, "mp3")
    _, model = drawn(60.0, n_raters=12, n_items=6, missing=0.1)
    found = rate_contrasts(model, names, weights, 0.95)
    pair = model.difference("e12", "mp3")
    assert (found.value[-1], found.se[-1], found.df[-1]) == pytest.approx((pair.value, pair.se, pair.df))
    assert found.correlation[-1] == pytest.approx(1)
    assert (np.diff(found.correlation[-100:]) > 0).all()
    one = equivalent_rate(model, ENCODEC, "mp3", 64.0)
    assert one.low <= one.kbps <= one.high


def at_the_top(t, df=10.0):
    """Contrasts of which only that at the highest rate is of interest."""
    of = np.array([t])
    return RateContrasts(of, np.ones(1), np.array([df]), np.ones(1), 0.95)


def test_a_barely_significant_highest_rate_is_no_evidence_once_it_selects_the_study():
    barely, clearly = at_the_top(1.82), at_the_top(12.0)
    assert barely.selected
    assert barely.tails()[1] > 0.9  # the chance of such a t, given that it is significant
    assert clearly.tails()[1] < 1e-4
    assert barely.selection_bias() > 1.8
    assert not at_the_top(1.80).selected
    assert at_the_top(1.80).tails()[1] == pytest.approx(0.051, abs=0.001)


def test_the_selection_lowers_the_chances_of_the_tails_to_those_of_a_truncated_distribution():
    rng = np.random.default_rng(4)
    correlation = 0.8
    draws = rng.multivariate_normal([0.0, 0.0], [[1, correlation], [correlation, 1]], 200_000)
    found = RateContrasts(draws, np.ones((200_000, 2)), np.full((200_000, 2), 1e6), np.array([correlation, 1.0]), 0.95)
    below = found.tails()[0][found.selected][:, 0]
    assert found.selected.mean() == pytest.approx(0.05, abs=0.002)
    assert [(below < p).mean() for p in (0.025, 0.5, 0.975)] == pytest.approx([0.025, 0.5, 0.975], abs=0.012)


def test_status_interval_and_estimate_agree_whatever_the_data():
    statuses = set()
    for seed in range(40):
        for mean in (10.0, 28.0, 72.0, 78.0):
            _, model = drawn(mean, seed=seed, n_raters=8, n_items=6)
            one = equivalent_rate(model, ENCODEC, "mp3", 64.0)
            statuses.add(one.status)
            assert (one.status == "not reached") == (one.high == float("inf"))
            assert one.status != "exceeded" or (one.low, one.high) == (0, 1.5)
            assert one.status == "not reached" or one.low <= one.kbps <= one.high <= 12
    assert statuses == {"reached", "exceeded", "not reached"}


def test_identical_ratings_are_no_difference():
    scores, _ = drawn()
    scores[:, :, 4] = scores[:, :, 3]
    found = equivalent_rate(model_of(cells_of(scores), NAMES), ENCODEC, "mp3", 64.0)
    assert (found.status, found.high) == ("not reached", float("inf"))


def test_one_item_is_enough():
    scores, _ = drawn(50.0, n_raters=40, n_items=1)
    found = equivalent_rate(model_of(cells_of(scores, fixed_items=True), NAMES), ENCODEC, "mp3", 64.0)
    assert found.low <= found.kbps <= found.high


@pytest.mark.parametrize(("top", "beyond"), [(45.0, True), (59.5, False)])
def test_a_curve_that_falls_is_reported_with_its_test(top, beyond):
    curve = Curve("opus", ("opus 6", "opus 12", "opus 24"), (6.0, 12.0, 24.0))
    plan = Plan(20, 10, {"opus 6": 40.0, "opus 12": 60.0, "opus 24": top, "mp3": 50.0}, QUIET)
    scores = draw_scores(plan, np.random.default_rng(8))
    if not beyond:
        scores[:, :, 2] += scores[:, :, 1].mean() - 0.5 - scores[:, :, 2].mean()
    frame = as_frame(scores, plan)
    found = fall(mixed_model(frame), curve)
    assert (found.low, found.high, found.beyond_error) == (12.0, 24.0, beyond)
    text = " ".join(sentences(claim(frame, rates={"mp3": 64.0})))
    assert f"The mean of opus falls by {found.points:.1f} points from 12 to 24 kbit/s" in text
    assert ("do not rely on them" in text) == beyond
    assert ("which chance can explain" in text) != beyond


def test_a_rising_curve_has_no_fall():
    assert fall(fitted(RISING), ENCODEC) is None


def test_an_interval_without_an_upper_limit_is_put_in_words():
    plan = Plan(20, 10, {"opus 6": 40.0, "opus 12": 60.0, "mp3": 60.0}, QUIET)
    frame = as_frame(draw_scores(plan, np.random.default_rng(1)), plan)
    text = " ".join(sentences(claim(frame, rates={"mp3": 64.0})))
    assert "kbit/s, no upper limit)" in text
    assert "inf" not in text


@pytest.mark.parametrize(
    ("name", "kbps", "codec"),
    [
        ("Opus 12", 12, "Opus"),
        ("opus@12", 12, "opus"),
        ("Lyra 3.2", 3.2, "Lyra"),
        ("MP3 64", 64, "MP3"),
        ("MP3 (64k)", 64, "MP3"),
        ("EnCodec 24 kHz 6", 6, "EnCodec 24 kHz"),
        ("encodec_24khz@1.5", 1.5, "encodec_24khz"),
        ("AMR-WB 12.65", 12.65, "AMR-WB"),
        ("HE-AAC at 48", 48, "HE-AAC at"),
        ("Ours 1.5 kbit/s", 1.5, "Ours"),
        ("Ours 1,5 kbps", 1.5, "Ours"),
        ("Ours_6kbps", 6, "Ours"),
        ("System 1 at 800 bps", 0.8, "System 1 at"),
        ("Ours 0.5 Mbit/s", 500, "Ours"),
    ],
)
def test_a_unit_or_a_known_codec_before_it_makes_a_number_a_rate(name, kbps, codec):
    assert rate_in_name(name) == pytest.approx(kbps)
    assert codec_of(name) == codec


@pytest.mark.parametrize(
    "name",
    ["System 1", "Ours (2024)", "1", "Proposed 1.38", "Proposed 1.38 16kHz", "AudioDec", "Codec 2", "Codec2", "MP3"]
    + ["Opus 1.3.1", "Opus 2024", "Opus v2", "Lyra V2", "@48k", "+3 dB", "-6 dB", "48 kHz", "EnCodec 24 kHz", "EVS 2nd"]
    + ["Opus 6 raters", "Model-7B", "run 3/4", "0.5x", "6 layers", "AAC 2 channels"],
)
def test_any_other_number_in_a_name_is_no_rate(name):
    assert np.isnan(rate_in_name(name))
    assert codec_of(name) == name


def test_the_number_of_a_low_pass_is_no_rate():
    assert np.isnan(rate_in_spec("lowpass@7000"))


@pytest.mark.parametrize(
    ("condition", "spec", "kbps", "codec"),
    [
        ("Opus 12", "opus@12", 12.0, "opus"),
        ("x", "encodec_24khz@1.5:weights=published:entropy=lm", 1.5, "encodec_24khz:entropy=lm"),
        ("Proposed 1.38 16kHz", "", 1.38, "Proposed 16kHz"),
        ("Proposed 1.38", "", 1.42, "Proposed"),
        ("System 1", "", 6.0, "System 1"),
    ],
)
def test_a_known_rate_is_no_part_of_the_codecs_name(condition, spec, kbps, codec):
    assert codec_of(condition, spec, kbps) == codec


def rated_conditions(*rows):
    return tidy(pd.DataFrame([("a", "x", *row) for row in rows], columns=["rater", "item", "condition", "score"]))


def test_what_names_said_is_reported_and_can_be_corrected_or_switched_off():
    frame = rated_conditions(("Opus 6", 30), ("Opus 12", 60), ("System 1", 50))
    found = points(frame)
    assert found["source"].tolist() == ["name", "name", ""]
    assert said_by_names(found) == [
        "Bitrates taken from names, in kbit/s: Opus 6: 6 and Opus 12: 12. Correct one with --rate, or switch this off "
        "with --no-rates-from-names."
    ]
    corrected = points(frame, {"Opus 6": 7.5, "System 1": 2.0})
    assert corrected["kbps"].tolist() == [7.5, 12, 2.0]
    assert corrected["source"].tolist() == ["given", "name", "given"]
    off = points(frame, from_names=False)
    assert off["kbps"].isna().all()
    assert off["codec"].tolist() == ["Opus 6", "Opus 12", "System 1"]
    assert said_by_names(off) == []


def test_a_rate_for_a_condition_that_is_not_there_is_refused():
    with pytest.raises(RatingsError, match="A rate is given for Opus 9, which the ratings do not have"):
        known_rates(rated_conditions(("Opus 6", 30)), {"Opus 9": 9})


def test_measured_rates_come_first_and_given_ones_before_them():
    rows = [("a", "x", "Opus 6", "opus@6", 6.3, 40), ("a", "x", "Opus 12", "opus@12", 12.4, 60)]
    frame = tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "spec", "kbps", "score"]))
    assert points(frame)["kbps"].tolist() == [6.3, 12.4]
    assert points(frame, {"Opus 6": 5.0})["kbps"].tolist() == [5.0, 12.4]
    (curve,) = curves(points(frame))
    assert curve == Curve("Opus", ("Opus 6", "Opus 12"), (6.3, 12.4))


def test_one_rate_is_no_curve():
    with pytest.raises(RatingsError, match="at least two rates"):
        equivalent_rate(fitted(RISING), Curve("x", ("e6",), (6.0,)), "e3", 3.0)

"""Rate-quality curves, and the rate at which one codec reaches another."""

import numpy as np
import pandas as pd
import pytest

from analysis.frame import RatingsError, tidy
from analysis.mixed import mixed_model
from analysis.rates import (
    Curve,
    codec_of,
    curves,
    equivalent_rate,
    monotone,
    points,
    rate_in_name,
    rate_in_spec,
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
        points(rated_conditions(("Opus 6", 30)), {"Opus 9": 9})


def test_measured_rates_come_first_and_given_ones_before_them():
    rows = [("a", "x", "Opus 6", "opus@6", 6.3, 40), ("a", "x", "Opus 12", "opus@12", 12.4, 60)]
    frame = tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "spec", "kbps", "score"]))
    assert points(frame)["kbps"].tolist() == [6.3, 12.4]
    assert points(frame, {"Opus 6": 5.0})["kbps"].tolist() == [5.0, 12.4]
    (curve,) = curves(points(frame))
    assert curve == Curve("opus", ("Opus 6", "Opus 12"), (6.3, 12.4))


def test_one_rate_is_no_curve():
    with pytest.raises(RatingsError, match="at least two rates"):
        equivalent_rate(fitted(RISING), Curve("x", ("e6",), (6.0,)), "e3", 3.0)

"""The closed form beside drawn studies, each analysed by the mixed model."""

import pytest

from analysis.frame import RatingsError
from analysis.power import power
from analysis.sample_size import (
    Sizes,
    power_of_difference,
    power_of_margin,
    raters_for_margin,
    smallest_difference,
    standard_error,
)
from analysis.simulation import Components, Plan

MEANS = {"A": 60.0, "B": 66.0, "C": 50.0}
VARIANCES = Components(item_condition=12.0)


@pytest.mark.parametrize(
    ("n_items", "each", "items"),
    [
        (8, None, "random"),
        pytest.param(3, None, "fixed", marks=pytest.mark.slow),
        pytest.param(8, 4, "random", marks=pytest.mark.slow),
    ],
)
def test_a_difference_is_found_as_often_as_in_drawn_studies(n_items, each, items):
    drawn = power(Plan(10, n_items, MEANS, VARIANCES, each), "difference", items=items, n_studies=150, seed=3)
    found = power_of_difference(Sizes(10, n_items, 3, each, VARIANCES), 6.0, items)
    assert drawn.low - 0.03 <= found <= drawn.high + 0.03


def test_the_margin_is_shown_as_often_as_in_drawn_studies():
    plan = Plan(12, 8, {"A": 60.0, "B": 60.0, "C": 50.0}, VARIANCES)
    drawn = power(plan, "non_inferiority", margin=6.0, n_studies=150, seed=4)
    found = power_of_margin(Sizes(12, 8, 3, None, VARIANCES), 6.0)
    assert drawn.low - 0.03 <= found <= drawn.high + 0.03


def test_the_variance_is_the_textbooks():
    """Of a balanced design: 2 (s2_rc / n + s2_ic / i + s2 / (n i))."""
    se, _ = standard_error(Sizes(24, 9, 4))
    assert se**2 == pytest.approx(2 * (7.5 / 24 + 72 / 9 + 200 / (24 * 9)))
    se, df = standard_error(Sizes(24, 9, 4), "fixed")
    assert se**2 == pytest.approx(2 * (7.5 / 24 + 200 / (24 * 9)))
    assert df == pytest.approx(23 * 3)


def test_the_smallest_difference_is_found_with_the_power_it_is_said_to_be():
    plan = Sizes(20, 10, 3, 5)
    assert power_of_difference(plan, smallest_difference(plan)) == pytest.approx(0.8)


def test_the_fewest_raters_are_enough_and_one_less_is_not():
    plan = Sizes(2, 12, 3)
    n = raters_for_margin(plan, 5.0, "fixed")
    assert power_of_margin(Sizes(n, 12, 3), 5.0, "fixed") >= 0.8 > power_of_margin(Sizes(n - 1, 12, 3), 5.0, "fixed")


def test_where_the_clips_set_the_limit_no_number_of_raters_is_enough():
    assert raters_for_margin(Sizes(2, 4, 3), 5.0) is None


def test_one_item_says_nothing_of_others():
    with pytest.raises(RatingsError, match="One item does not tell"):
        standard_error(Sizes(20, 1))

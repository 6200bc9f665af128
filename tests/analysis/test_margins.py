"""Non-inferiority and equivalence, against the textbook's t-tests."""

import pytest
from scipy import stats

from analysis.frame import RatingsError
from analysis.margins import within_margin


def test_the_p_values_are_those_of_two_one_sided_t_tests():
    found = within_margin(1.5, 1.2, 17.0, 4.0)
    assert found.p_non_inferior == pytest.approx(stats.t.sf((1.5 + 4) / 1.2, 17))
    assert found.p_equivalent == pytest.approx(max(stats.t.sf(5.5 / 1.2, 17), stats.t.cdf(-2.5 / 1.2, 17)))


def test_equivalent_is_the_90_percent_interval_inside_the_margin():
    for difference in (-6, -3, -1, 0, 1, 2, 3.5, 6):
        found = within_margin(difference, 1.0, 30.0, 5.0)
        assert found.equivalent == (found.lower > -5 and found.upper < 5)
        assert found.non_inferior == (found.lower > -5)


def test_no_worse_is_less_than_equivalent():
    found = within_margin(3.0, 2.5, 30.0, 5.0)
    assert (found.non_inferior, found.equivalent) == (True, False)


def test_a_wide_interval_shows_nothing():
    assert not within_margin(0.0, 5.0, 10.0, 5.0).non_inferior


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_a_margin_is_above_0(margin):
    with pytest.raises(RatingsError, match="above 0"):
        within_margin(1.0, 1.0, 10.0, margin)


def test_no_error_at_all_is_decided_by_the_difference():
    assert within_margin(-2.0, 0.0, float("inf"), 5.0).equivalent
    assert not within_margin(-7.0, 0.0, float("inf"), 5.0).non_inferior

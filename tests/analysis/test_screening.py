"""Raters are excluded exactly where a rule says so, with the counts to check it by."""

from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.frame import RatingsError, tidy
from analysis.screening import RULES, screen

from .studies import exported

ROLES = {"Reference": "hidden_reference", "Mid": "mid_anchor", "Low": "low_anchor", "A": "system"}


def ratings(rater: str, condition: str, scores: list[float]) -> list[dict]:
    return [
        {"rater": rater, "item": f"item {i:03}", "condition": condition, "role": ROLES[condition], "score": score}
        for i, score in enumerate(scores)
    ]


def slips(rater: str, condition: str, wrong: float, right: float, n_wrong: int, n: int) -> list[dict]:
    return ratings(rater, condition, [wrong] * n_wrong + [right] * (n - n_wrong))


def excluded(rows: list[dict], *rules: str) -> list[str]:
    return screen(tidy(pd.DataFrame(rows)), rules).excluded


@pytest.mark.parametrize(
    ("n_wrong", "n", "goes"),
    [(0, 20, False), (1, 20, False), (3, 20, False), (4, 20, True), (1, 8, False), (2, 8, True), (1, 6, True)],
)
def test_hidden_reference_below_90_on_more_than_15_percent_of_items_excludes(n_wrong, n, goes):
    rows = slips("r", "Reference", 89, 90, n_wrong, n)
    assert excluded(rows, "bs1534_hidden_reference") == (["r"] if goes else [])


def test_the_reason_gives_rule_counts_and_border():
    found = screen(tidy(pd.DataFrame(slips("r", "Reference", 50, 100, 4, 20))), ["bs1534_hidden_reference"])
    assert found.raters["reason"].tolist() == [
        "bs1534_hidden_reference: hidden reference below 90 in 4 of 20 trials (20%; allowed: up to 15%)"
    ]


@pytest.mark.parametrize(("n_wrong", "goes"), [(3, False), (4, True)])
def test_mid_anchor_above_90_on_more_than_15_percent_of_items_excludes(n_wrong, goes):
    rows = slips("r", "Mid", 91, 90, n_wrong, 20)
    for other in "abcd":
        rows += slips(other, "Mid", 91, 50, 0, 20)
    assert excluded(rows, "bs1534_mid_anchor") == (["r"] if goes else [])


def test_an_item_whose_mid_anchor_fools_more_than_a_quarter_counts_against_nobody():
    # Items 0 to 3 fool two of four raters, who put the mid anchor at 95 there.
    rows = slips("a", "Mid", 95, 50, 4, 20) + slips("b", "Mid", 95, 50, 4, 20)
    rows += slips("c", "Mid", 95, 50, 0, 20) + slips("d", "Mid", 95, 50, 0, 20)
    found = screen(tidy(pd.DataFrame(rows)), ["bs1534_mid_anchor"])
    assert found.excluded == []
    assert "item 000, item 001, item 002, item 003 did not count against raters" in found.notes[0]
    assert found.checks.set_index("rater").loc["a", ["failed", "of"]].tolist() == [0, 20]


def test_exactly_a_quarter_of_the_raters_does_not_exempt_an_item():
    rows = slips("a", "Mid", 95, 50, 4, 20)
    for other in "bcd":
        rows += slips(other, "Mid", 95, 50, 0, 20)
    assert excluded(rows, "bs1534_mid_anchor") == ["a"]


@pytest.mark.parametrize(("n_wrong", "goes"), [(3, False), (4, True), (5, True)])
def test_encodecs_rule_for_the_reference_includes_20_percent(n_wrong, goes):
    rows = slips("r", "Reference", 89, 90, n_wrong, 20) + slips("r", "Low", 81, 80, 0, 20)
    assert excluded(rows, "encodec_2022") == (["r"] if goes else [])


@pytest.mark.parametrize(("n_wrong", "goes"), [(10, False), (11, True)])
def test_encodecs_rule_for_the_low_anchor_is_more_than_half(n_wrong, goes):
    rows = slips("r", "Reference", 89, 100, 0, 20) + slips("r", "Low", 81, 80, n_wrong, 20)
    assert excluded(rows, "encodec_2022") == (["r"] if goes else [])


@pytest.mark.parametrize(
    ("reference", "mid", "low", "goes"),
    [
        (90, 60, 30, False),
        (89, 60, 30, True),
        (95, 95, 95, False),
        (95, 96, 30, True),
        (95, 30, 31, True),
        (95, None, 30, False),
        (95, None, 96, True),
        (None, 30, 31, True),
        (None, None, 31, False),
    ],
)
def test_mpegs_rule_excludes_for_a_single_trial(reference, mid, low, goes):
    rows = slips("r", "Reference", 100, 100, 0, 9) + slips("r", "Mid", 50, 50, 0, 9) + slips("r", "Low", 20, 20, 0, 9)
    given_last = {"Reference": reference, "Mid": mid, "Low": low}
    for name, score in given_last.items():
        rows.append({"rater": "r", "item": "last", "condition": name, "role": ROLES[name], "score": score})
    assert excluded(rows, "mpeg") == (["r"] if goes else [])


def test_none_excludes_nobody():
    assert excluded(slips("r", "Reference", 0, 0, 0, 20), "none") == []


def test_rules_add_up_and_every_reason_is_kept():
    rows = slips("a", "Reference", 50, 100, 10, 20) + slips("a", "Low", 95, 20, 0, 20)
    rows += slips("b", "Reference", 50, 100, 0, 20) + slips("b", "Low", 95, 20, 20, 20)
    rows += slips("c", "Reference", 50, 100, 0, 20) + slips("c", "Low", 95, 20, 0, 20)
    found = screen(tidy(pd.DataFrame(rows)), ["bs1534_hidden_reference", "encodec_2022"])
    assert found.excluded == ["a", "b"]
    reason = found.raters.set_index("rater").loc["a", "reason"]
    assert reason.count("hidden reference below 90 in 10 of 20") == 2
    assert reason.startswith("bs1534_hidden_reference: ")
    assert "; encodec_2022: " in reason


def test_an_unknown_rule_is_refused_with_those_that_there_are():
    frame = tidy(pd.DataFrame(slips("r", "Reference", 100, 100, 0, 2)))
    with pytest.raises(RatingsError, match="no screening rule bs1534. There are: bs1534_hidden_reference, "):
        screen(frame, ["bs1534"])
    with pytest.raises(RatingsError, match="none goes with no other"):
        screen(frame, ["none", "mpeg"])


def test_a_trial_without_the_rating_is_in_no_denominator():
    rows = slips("r", "Reference", 50, 100, 1, 5)
    rows += [{"rater": "r", "item": f"more {i}", "condition": "Reference", "score": None} for i in range(15)]
    frame = tidy(pd.DataFrame(rows).assign(role="hidden_reference"))
    found = screen(frame, ["bs1534_hidden_reference"])
    assert found.checks[["failed", "of"]].values.tolist() == [[1, 5]]
    assert found.excluded == ["r"]


def test_each_presentation_of_a_repeated_item_is_a_trial():
    rows = [row | {"repeat": k} for k in range(4) for row in ratings("r", "Reference", [80 if k == 0 else 100] * 5)]
    found = screen(tidy(pd.DataFrame(rows)), ["bs1534_hidden_reference"])
    assert found.checks[["failed", "of"]].values.tolist() == [[5, 20]]


def test_a_rule_without_its_condition_is_not_applied_and_says_so():
    found = screen(tidy(pd.DataFrame(slips("r", "A", 50, 50, 0, 5))), ["bs1534_mid_anchor"])
    assert found.excluded == []
    assert found.notes == ("bs1534_mid_anchor was not applied: there is no rating of a mid anchor.",)


def test_a_rater_whom_a_rule_cannot_judge_stays_and_is_named():
    rows = slips("a", "Reference", 50, 100, 0, 5) + slips("b", "A", 50, 50, 0, 5)
    found = screen(tidy(pd.DataFrame(rows)), ["bs1534_hidden_reference"])
    assert found.excluded == []
    assert found.notes == ("bs1534_hidden_reference could not judge b: no rating of what it looks at.",)


def unfinished_export() -> pd.DataFrame:
    """R03 stopped after two of six trials; R04 never rated."""
    export = exported(n_raters=5, n_items=6)
    export["score"] = export["score"].astype(float)
    export.loc[export["rater"].isin(["R03", "R04"]), "session_state"] = "trials"
    export.loc[(export["rater"] == "R03") & (export["trial_position"] > 2), "score"] = None
    export.loc[export["rater"] == "R04", "score"] = None
    return export


def test_unfinished_sessions_are_listed_and_left_out():
    found = screen(tidy(unfinished_export()), ["none"])
    assert found.excluded == ["R03", "R04"]
    reasons = found.raters.set_index("rater")["reason"]
    assert reasons["R03"] == "session not finished (24 ratings given)"
    assert reasons["R04"] == "session not finished (0 ratings given)"
    assert found.raters.set_index("rater")["n_unfinished"].to_dict() == {
        "R01": 0,
        "R02": 0,
        "R03": 1,
        "R04": 1,
        "R05": 0,
    }
    assert set(found.kept["rater"]) == {"R01", "R02", "R05"}


def test_unfinished_sessions_can_be_kept():
    found = screen(tidy(unfinished_export()), ["none"], keep_unfinished=True)
    assert found.excluded == ["R04"]
    assert (found.kept["rater"] == "R03").sum() == 24


def test_a_rater_with_a_second_finished_session_keeps_that_one():
    export = exported(n_raters=2, n_items=2)
    first = export[export["rater"] == "R01"].assign(session="S0", session_state="trials")
    found = screen(tidy(pd.concat([first, export])), ["none"])
    assert found.excluded == []
    assert set(found.kept["session"]) == {"S1", "S2"}
    assert found.raters["n_unfinished"].tolist() == [1, 0]


def test_the_exports_marks_are_taken_over_where_no_rule_is_named():
    export = exported(n_raters=3, n_items=2)
    export.loc[export["rater"] == "R02", "excluded"] = "headphone check failed; withdrew"
    found = screen(tidy(export))
    assert [rule.name for rule in found.rules] == ["marked"]
    assert found.excluded == ["R02"]
    assert found.raters["reason"].tolist()[1] == "marked: headphone check failed; withdrew"


def test_an_export_that_marks_nobody_is_not_screened_by_another_rule_than_its_studys():
    found = screen(tidy(exported(2, 2)))
    assert [rule.name for rule in found.rules] == ["marked"]
    assert found.excluded == []


def test_a_file_without_marks_is_screened_by_the_hidden_reference():
    frame = tidy(exported(2, 2).drop(columns="excluded"))
    assert [rule.name for rule in screen(frame).rules] == ["bs1534_hidden_reference"]
    assert [rule.name for rule in screen(tidy(frame)).rules] == ["bs1534_hidden_reference"]


def test_marks_of_unfinished_sessions_do_not_outlive_the_wish_to_keep_them():
    export = unfinished_export()
    export.loc[export["session_state"] == "trials", "excluded"] = "session not finished"
    assert screen(tidy(export), ["marked"], keep_unfinished=True).excluded == ["R04"]


def test_screening_changes_no_rating():
    frame = tidy(unfinished_export())
    before = frame.copy(deep=True)
    for rule in RULES:
        screen(frame, [rule])
    pd.testing.assert_frame_equal(frame, before)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(80, 100), min_size=1, max_size=25), min_size=1, max_size=5))
def test_the_border_is_exact_and_everyone_is_kept_or_excluded(by_rater):
    rows = [row for i, scores in enumerate(by_rater) for row in ratings(f"r{i}", "Reference", scores)]
    found = screen(tidy(pd.DataFrame(rows)), ["bs1534_hidden_reference"])
    expected = [
        f"r{i}"
        for i, scores in enumerate(by_rater)
        if Fraction(sum(score < 90 for score in scores), len(scores)) > Fraction(15, 100)
    ]
    assert found.excluded == expected
    assert set(found.kept["rater"]) | set(expected) == {f"r{i}" for i in range(len(by_rater))}
    assert not set(found.kept["rater"]) & set(expected)


def timed(rater: str, seconds: list[float], **columns) -> pd.DataFrame:
    """A trial of two stimuli for each time, which is that of the second score."""
    rows = [
        {"rater": rater, "item": f"item {i}", "condition": name, "role": ROLES[name], "score": score}
        | {"started_at": "2026-03-01T10:00:00+00:00", "rated_at": stamp}
        for i, took in enumerate(seconds)
        for name, score, stamp in (
            ("Reference", 100, "2026-03-01T10:00:00.500000+00:00"),
            ("A", 40, str(pd.Timestamp("2026-03-01T10:00:00Z") + pd.Timedelta(seconds=took))),
        )
    ]
    return pd.DataFrame(rows).assign(**columns)


@pytest.mark.parametrize(("n_fast", "goes"), [(0, False), (3, False), (4, True)])
def test_more_than_15_percent_of_trials_rated_within_less_than_5_seconds_exclude(n_fast, goes):
    found = screen(tidy(timed("r", [4.9] * n_fast + [5.0] * (20 - n_fast))), ["too_fast"])
    assert found.excluded == (["r"] if goes else [])
    assert found.checks[["failed", "of"]].values.tolist() == [[n_fast, 20]]
    if goes:
        assert found.raters["reason"].tolist() == [
            "too_fast: rated within less than 5 s in 4 of 20 trials (20%; allowed: up to 15%)"
        ]


def test_times_as_a_database_gives_them_are_the_same_times():
    table = timed("r", [4.0] * 5)
    for name in ("started_at", "rated_at"):
        table[name] = [pd.Timestamp(when).to_pydatetime() for when in table[name]]
    assert screen(tidy(table), ["too_fast"]).excluded == ["r"]


def test_a_rater_whose_times_are_not_known_stays_and_is_named():
    table = pd.concat([timed("a", [1.0] * 5), timed("b", [1.0] * 5, rated_at=""), timed("c", [1.0], started_at="?")])
    found = screen(tidy(table), ["too_fast"])
    assert found.excluded == ["a"]
    assert found.notes == ("too_fast could not judge b, c: it is not known how long their trials took.",)


@pytest.mark.parametrize(("n_unheard", "goes"), [(3, False), (4, True)])
@pytest.mark.parametrize("as_text", [False, True])
def test_more_than_15_percent_of_stimuli_heard_for_less_than_a_second_exclude(n_unheard, goes, as_text):
    heard = [0.99] * n_unheard + [1.0] * (20 - n_unheard)
    table = pd.DataFrame(ratings("r", "A", [50] * 20)).assign(seconds_heard=[*map(str, heard)] if as_text else heard)
    found = screen(tidy(table), ["not_heard"])
    assert found.excluded == (["r"] if goes else [])
    if goes:
        assert "after less than 1 s of it were heard in 4 of 20 stimuli (20%; all" in found.raters["reason"].item()


def test_stimuli_of_which_the_time_heard_is_not_known_are_in_no_denominator():
    table = pd.DataFrame(ratings("r", "A", [50] * 5)).assign(seconds_heard=["0.2", "", None, "5", "?"])
    found = screen(tidy(table), ["not_heard"])
    assert found.checks[["failed", "of"]].values.tolist() == [[1, 2]]
    none = screen(tidy(table.assign(seconds_heard="")), ["not_heard"])
    assert none.notes == ("not_heard could not judge r: it is not known how long they heard what they rated.",)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([70] * 6, "no_variance: all 6 scores are 70"),
        ([70, 71, 72, 70, 69], "no_variance: 5 scores with a standard deviation of 1.14 points (allowed: 2 or more)"),
        ([70, 72, 74, 70, 69], ""),  # 2 points: the squares are 16 with 4 degrees
        ([70, 75, 70, 75, 70], ""),
    ],
)
def test_scores_without_spread_exclude(scores, reason):
    found = screen(tidy(pd.DataFrame(ratings("r", "A", scores))), ["no_variance"])
    assert found.raters["reason"].tolist() == [reason]


def test_one_who_hears_the_reference_alone_has_spread_and_few_ratings_are_not_judged():
    rows = slips("a", "A", 50, 50, 0, 5) + slips("a", "Reference", 100, 100, 0, 5) + ratings("b", "A", [60] * 4)
    found = screen(tidy(pd.DataFrame(rows)), ["no_variance"])
    assert found.excluded == []
    assert found.notes == ("no_variance could not judge b: fewer than 5 ratings.",)


def test_raters_whom_the_server_found_not_to_have_listened_are_excluded_with_its_reason():
    rows = ratings("bot", "A", [50] * 5) + ratings("ann", "A", [50] * 5)
    why = "5 of 5 rated sounds were never sent to the rater"
    table = pd.DataFrame(rows).assign(cannot_have_listened=[why] * 5 + [None] * 5)
    found = screen(tidy(table), ["cannot_have_listened"])
    assert found.raters.set_index("rater")["reason"].to_dict() == {"ann": "", "bot": f"cannot_have_listened: {why}"}
    assert set(found.kept["rater"]) == {"ann"}


@pytest.mark.parametrize(
    ("rule", "columns"),
    [("too_fast", "started_at and no column rated_at"), ("not_heard", "seconds_heard")]
    + [("cannot_have_listened", "cannot_have_listened")],
)
def test_a_rule_on_listening_without_its_columns_is_not_applied_and_says_so(rule, columns):
    found = screen(tidy(pd.DataFrame(slips("r", "A", 50, 50, 0, 5))), [rule])
    assert (found.excluded, len(found.checks)) == ([], 0)
    assert found.notes == (f"{rule} was not applied: the ratings have no column {columns}.",)


def test_rules_on_listening_are_off_unless_asked_for_and_keep_those_who_listened():
    export = exported(4, 3)
    for frame in (tidy(export), tidy(export.drop(columns="excluded"))):
        assert {rule.name for rule in screen(frame).rules} <= {"marked", "bs1534_hidden_reference"}
        found = screen(frame, ["too_fast", "not_heard", "no_variance"])
        assert (found.excluded, found.notes) == ([], ())
        assert len(found.checks) == 3 * 4

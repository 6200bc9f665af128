"""An item or a rater that changes a conclusion is named, and one that does not is not."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.claim import claim
from analysis.frame import RatingsError, tidy
from analysis.influence import DIFFERENCE, MARGIN, PRIMARY, drivers, influence, sentences
from analysis.mixed import mixed_model
from analysis.primary import PrimaryClaim
from analysis.report import build_report

from .studies import exported
from .test_report import text_of


def study(n_raters: int, n_items: int, difference, *, seed: int = 3, noise: float = 3.0) -> pd.DataFrame:
    """Two systems, A above B by `difference(rater, item)`, with little noise."""
    draw = np.random.default_rng(seed)
    rows = [
        (f"R{rater}", f"clip {item}", name, 45 + draw.normal(0, noise) + (name == "A") * difference(rater, item))
        for rater in range(1, n_raters + 1)
        for item in range(1, n_items + 1)
        for name in "AB"
    ]
    return pd.DataFrame(rows, columns=["rater", "item", "condition", "score"])


def only_on_clip_3(rater: int, item: int) -> float:
    return 40.0 * (item == 3)


def but_not_on_clip_3(rater: int, item: int) -> float:
    return -35.0 if item == 3 else 12.0


def but_not_for_r4(rater: int, item: int) -> float:
    return -35.0 if rater == 4 else 10.0


def of_all(found, kind: str = DIFFERENCE) -> str:
    return found.conclusions.loc[found.conclusions["kind"] == kind, "verdict"].item()


def test_an_item_that_alone_makes_a_difference_is_named():
    found = influence(tidy(study(10, 4, only_on_clip_3)))
    assert of_all(found) == "higher"
    assert found.changes[["left_out", "name", "verdict"]].to_numpy().tolist() == [
        ["item", "clip 3", "no difference shown"]
    ]
    assert sentences(found) == ["A is higher than B. Without the item clip 3, A is not shown to differ from B."]


def test_an_item_that_alone_hides_a_difference_is_named():
    found = influence(tidy(study(10, 8, but_not_on_clip_3)))
    assert of_all(found) == "no difference shown"
    assert drivers(found)[["left_out", "name", "verdict"]].to_numpy().tolist() == [["item", "clip 3", "higher"]]
    assert sentences(found) == ["A is not shown to differ from B. Without the item clip 3, A is higher than B."]


def test_a_rater_who_alone_hides_a_difference_is_named():
    found = influence(tidy(study(8, 8, but_not_for_r4)))
    assert drivers(found)[["left_out", "name", "verdict"]].to_numpy().tolist() == [["rater", "R4", "higher"]]


def test_a_plain_difference_depends_on_no_item_and_no_rater():
    found = influence(tidy(study(8, 8, lambda rater, item: 15)))
    assert len(found.without) == 16
    assert found.changes.empty
    assert drivers(found).empty
    assert sentences(found) == []


def test_a_close_verdict_that_several_items_change_names_no_driver():
    draw = np.random.default_rng(0)
    shift = draw.normal(0, 6, 8)
    shift = (shift - shift.mean()) / shift.std(ddof=1)
    close = study(8, 8, lambda rater, item: 2.5 / np.sqrt(8) * 6 + 6 * shift[item - 1], noise=0.5)
    found = influence(tidy(close))
    assert of_all(found) == "higher"
    assert len(found.conclusions["item"].iloc[0]) > 1
    assert sentences(found) == []
    assert not (drivers(found)["left_out"] == "item").any()


def test_each_verdict_is_that_of_the_model_and_the_claim_of_the_rest():
    frame = tidy(exported(6, 6))
    whole = claim(frame, margin=8)
    found = influence(frame, claim=whole)
    margin = found.conclusions[found.conclusions["kind"] == MARGIN]
    assert list(margin["verdict"]) == list(whole.comparisons["verdict"])
    np.testing.assert_allclose(margin["difference"], whole.comparisons["difference"])
    for kind, name in (("item", "clip 2"), ("rater", "R05")):
        rest = frame[frame[kind] != name]
        own = found.without[(found.without["left_out"] == kind) & (found.without["name"] == name)]
        contrasts = mixed_model(rest).contrasts()
        np.testing.assert_allclose(own.loc[own["kind"] == DIFFERENCE, "p"], contrasts["p_holm"])
        assert list(own.loc[own["kind"] == MARGIN, "verdict"]) == list(claim(rest, margin=8).comparisons["verdict"])


def test_five_random_items_are_not_left_out_since_four_would_be_fixed():
    found = influence(tidy(study(8, 5, but_not_on_clip_3)))
    assert set(found.without["left_out"]) == {"rater"}
    assert "1 pair of systems would have fewer than 5 items" in found.notes[0]
    fixed = influence(tidy(study(8, 5, but_not_on_clip_3)), items="fixed")
    assert set(fixed.without["left_out"]) == {"item", "rater"}


def test_a_system_on_one_item_cannot_be_compared_without_it():
    table = study(8, 8, lambda rater, item: 15)
    third = table[(table["condition"] == "B") & (table["item"] == "clip 1")].assign(condition="C")
    found = influence(tidy(pd.concat([table, third])))
    without = found.without[(found.without["name"] == "clip 1") & (found.without["b"] == "C")]
    assert set(without["verdict"]) == {"not comparable"}
    assert found.without.loc[found.without["b"] == "B", "verdict"].eq("higher").all()


def test_one_item_and_two_raters_cannot_be_left_out():
    found = influence(tidy(study(2, 1, lambda rater, item: 15).pipe(lambda t: pd.concat([t, t.assign(repeat=1)]))))
    assert found.without.empty
    assert found.notes == ("1 item: too few to leave one out.", "2 raters: too few to leave one out.")


def test_too_many_ratings_are_refused_at_once_with_the_reason():
    many = pd.MultiIndex.from_product([range(1001), range(50), list("AB")], names=["rater", "item", "condition"])
    with pytest.raises(RatingsError, match=r"would take minutes or more: 1,051 models of 1 pair over 100,100 ratings"):
        influence(tidy(many.to_frame(index=False).assign(score=50)))


@pytest.fixture(scope="module")
def report():
    return build_report(study(10, 4, only_on_clip_3), screening=["none"], margin=5)


def test_the_report_names_the_item_in_its_summary_a_table_and_a_figure(report, tmp_path):
    text = text_of(report.html)
    assert "2 of 2 verdicts change when one item or one rater is left out. Driven by the item clip 3." in text
    assert "A is higher than B. Without the item clip 3, A is not shown to differ from B." in text
    assert "A B difference higher 10.2 < 0.001 clip 3 –" in text
    assert "B margin better 10.2 < 0.001 clip 3 –" in text
    drawing = report.drawing("influence")
    assert drawing is not None
    assert [text.get_text() for text in drawing.figure.axes[0].texts] == ["clip 3"]
    report.save(tmp_path)
    changes = json.loads((tmp_path / "tests.json").read_text())["influence"]["changes"]
    assert {change["name"] for change in changes} == {"clip 3"}
    assert len(pd.read_csv(tmp_path / "influence.csv")) == len(report.influence.without)


def test_the_report_says_that_nothing_changes():
    text = text_of(build_report(study(8, 8, lambda rater, item: 15), screening=["none"]).html)
    assert "8 items and 8 raters in turn" in text
    assert "The verdict stays the same." in text
    assert "when one item or one rater is left out" not in text


def test_the_level_of_intervals_changes_no_verdict():
    found = build_report(exported(6, 6), screening=["none"], margin=8, level=0.8)
    conclusions = found.influence.conclusions
    verdicts = conclusions.loc[conclusions["kind"] == MARGIN, "verdict"]
    assert list(verdicts) == list(claim(found.screening.kept, margin=8).comparisons["verdict"])


def test_the_primary_claim_is_among_the_conclusions():
    frame = tidy(study(10, 4, only_on_clip_3))
    primary = PrimaryClaim("A", "better", "B")
    found = influence(frame, claim=claim(frame, primary=primary))
    assert found.conclusions.loc[0, ["kind", "verdict", "item"]].tolist() == [PRIMARY, "shown", ("clip 3",)]
    assert "The primary claim is shown. Without the item clip 3, the primary claim is not shown." in sentences(found)


def test_the_primary_claim_of_a_rate_is_answered_without_each_item():
    frame = tidy(exported(6, 6))
    found = influence(frame, claim=claim(frame, primary=PrimaryClaim("EnCodec 12", "reaches", "Opus 6")))
    rows = found.without[found.without["kind"] == PRIMARY]
    assert len(rows) == 12
    assert set(rows["verdict"]) == {"shown"}

"""Comparisons within the margin: each pair once, verdicts by the corrected p-values, words that agree with both."""

import numpy as np
import pandas as pd
import pytest

from analysis.claim import claim, sentences
from analysis.comparisons import BETTER, EQUIVALENT, NO_WORSE, NOT_SHOWN, VERDICTS, WORSE, WORSE_WITHIN, compare
from analysis.frame import tidy
from analysis.inference import holm
from analysis.mixed import mixed_model


def study(draw: np.random.Generator, means: dict[str, float], raters: int = 6, items: int = 5) -> pd.DataFrame:
    """Scores around the means, cut at the ends of the scale."""
    rows = []
    for name, mean in means.items():
        of_items = draw.normal(mean, draw.uniform(1, 9), items)
        for rater in range(raters):
            scores = np.clip(of_items + draw.normal(0, draw.uniform(1, 6), items), 0, 100).round()
            rows += [(f"R{rater}", f"clip {item}", name, score) for item, score in enumerate(scores)]
    return tidy(pd.DataFrame(rows, columns=["rater", "item", "condition", "score"]))


WITH_REFERENCE = {"Opus 64": 97.0, "Opus 6": 50.0, "Reference": 99.0}


def contrast(difference: float, se: float, p_holm: float) -> pd.DataFrame:
    row = {"a": "A", "b": "B", "difference": difference, "se": se, "df": 30.0, "p_holm": p_holm, "items": "random"}
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("difference", "se", "p_holm", "verdict"),
    [
        (9, 2, 0.001, BETTER),
        (9, 2, 0.06, NO_WORSE),
        (0.5, 1, 0.6, EQUIVALENT),
        (-2, 0.5, 0.001, WORSE_WITHIN),
        (-9, 2, 0.001, WORSE),
        (-4.5, 3, 0.2, NOT_SHOWN),
    ],
)
def test_the_verdict_follows_the_corrected_p_values(difference, se, p_holm, verdict):
    (row,) = compare([("A", "B")], contrast(difference, se, p_holm), 5.0, 0.95).to_dict("records")
    assert row["verdict"] == verdict
    (turned,) = compare([("B", "A")], contrast(-difference, se, p_holm), 5.0, 0.95).to_dict("records")
    assert turned == row | {"system": "B", "against": "A"}


def test_holms_correction_covers_the_comparisons_of_the_table():
    frame = study(np.random.default_rng(3), {"Opus 6": 50, "Lyra 6": 52, "EVS 7.2": 60, "EnCodec 3": 48})
    table = claim(frame, margin=6).comparisons
    for name in ("p_non_inferior", "p_equivalent"):
        np.testing.assert_allclose(table[f"{name}_holm"], holm(table[name].to_numpy()))


def test_a_system_is_compared_once_with_one_of_the_same_or_an_unknown_rate_the_higher_mean_first():
    frame = study(np.random.default_rng(1), {"Opus 6": 40, "Lyra 6": 60, "Ours": 20, "EVS 9.6": 30})
    pairs = claim(frame, margin=5).comparisons[["system", "against"]].to_numpy().tolist()
    assert sorted(pairs) == [
        ["EVS 9.6", "Ours"],
        ["Lyra 6", "EVS 9.6"],
        ["Lyra 6", "Opus 6"],
        ["Lyra 6", "Ours"],
        ["Opus 6", "EVS 9.6"],
        ["Opus 6", "Ours"],
    ]


def test_a_system_is_transparent_where_it_is_shown_to_be_no_worse_than_the_hidden_reference():
    frame = study(np.random.default_rng(5), WITH_REFERENCE, items=6)
    found = claim(frame, margin=12)
    table = found.transparency.set_index("system")
    model = mixed_model(frame, roles=("system", "hidden_reference"))
    for name in table.index:
        assert table.loc[name, "difference"] == pytest.approx(model.difference(name, "Reference").value)
    said = " ".join(sentences(found))
    assert "Opus 64 is transparent within 12 points" in said
    assert "Opus 6 is not shown to be transparent within 12 points" in said


def test_an_item_without_a_reference_leaves_the_other_comparisons(frame_with_three_items):
    found = claim(frame_with_three_items, margin=8)
    assert set(found.transparency["verdict"]) == {"not comparable"}
    assert "not comparable" not in set(found.comparisons["verdict"])


@pytest.fixture
def frame_with_three_items():
    """Nobody rated the reference of the first item."""
    frame = study(np.random.default_rng(5), {"Opus 6": 40.0, "Lyra 6": 60.0, "Reference": 99.0}, items=3)
    return frame[~((frame["condition"] == "Reference") & (frame["item"] == "clip 0"))]


def test_without_a_hidden_reference_nothing_is_said_of_transparency():
    found = claim(study(np.random.default_rng(5), {"Opus 64": 97, "Lyra 6": 50}), margin=8)
    assert found.transparency.empty
    assert "transparent" not in " ".join(sentences(found))


def test_no_sentence_contradicts_its_table():
    """In 500 random studies, words, corrected p-values and the sign of the difference agree."""
    draw = np.random.default_rng(11)
    seen = set()
    for _ in range(500):
        means = dict(zip(("Opus 6", "Lyra 6", "EnCodec 3"), draw.uniform(20, 100) + draw.normal(0, 6, 3), strict=True))
        found = claim(study(draw, means, raters=5), margin=float(draw.choice([3.0, 6.0, 12.0])))
        differs = {frozenset((row["a"], row["b"])): row["p_holm"] < 0.05 for row in found.contrasts.to_dict("records")}
        for row, said in zip(found.comparisons.to_dict("records"), sentences(found), strict=False):
            verdict, within = row["verdict"], row["p_non_inferior_holm"] < 0.05
            pair_differs = differs[frozenset((row["system"], row["against"]))]
            seen.add(verdict)
            assert VERDICTS[verdict] in said
            assert row["system"] in said
            assert (verdict == BETTER) == (pair_differs and row["difference"] > 0)
            assert (verdict in (WORSE, WORSE_WITHIN)) == (pair_differs and row["difference"] < 0)
            if verdict == EQUIVALENT:
                assert row["p_equivalent_holm"] < 0.05
                assert max(abs(row["lower"]), abs(row["upper"])) < found.margin
            if verdict in (NO_WORSE, WORSE_WITHIN):
                assert within
                assert row["lower"] > -found.margin
            if verdict == NOT_SHOWN:
                assert not within
                assert "is not shown to be as good as" in said
            assert ("other items of the same kind" in said) == (row["items"] == "random")
    assert seen == {BETTER, EQUIVALENT, NO_WORSE, WORSE, WORSE_WITHIN, NOT_SHOWN}

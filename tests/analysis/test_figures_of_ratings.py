"""Violins and the map of items show the ratings that there are."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.describe import describe
from analysis.figures import condition_colours, item_plot, violin_plot
from analysis.figures.violins import BINS, bandwidth, density
from analysis.frame import tidy

from .studies import exported, scores_table

MIDDLES = (np.arange(BINS) + 0.5) * 100 / BINS


@pytest.mark.parametrize("middle", [0, 3, 50, 100])
def test_the_density_is_that_of_a_gaussian_kernel_mirrored_at_the_ends(middle):
    scores = np.clip(np.random.default_rng(1).normal(middle, 12, 300), 0, 100)
    kernel = stats.norm(scale=bandwidth(scores))
    mirrored = np.concatenate([scores, -scores, 200 - scores])
    wanted = kernel.pdf(MIDDLES[:, None] - mirrored[None, :]).sum(axis=1) / len(scores)
    np.testing.assert_allclose(density(scores), wanted, atol=0.01 * wanted.max())


def test_no_density_lies_outside_the_scale_and_all_of_it_within():
    scores = np.array([0.0, 0, 5, 100, 100])
    assert density(scores).sum() * 100 / BINS == pytest.approx(1)


def test_median_and_quartiles_within_the_violins_are_those_of_the_table():
    frame = tidy(exported(9, 4))
    table = describe(frame)
    axes = violin_plot(frame, list(table["condition"]), condition_colours(frame)).figure.axes[0]
    dots = [float(np.atleast_1d(line.get_xdata())[0]) for line in axes.lines if line.get_marker() == "o"]
    assert dots == table["median"].tolist()
    bars = [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 4]
    assert bars == table[["q1", "q3"]].to_numpy().tolist()


def test_repeats_of_a_rating_weigh_no_more_than_one_in_the_violins():
    once = scores_table({"A": [10, 30, 50]})
    again = pd.concat([once.assign(repeat=0), once.iloc[:1].assign(repeat=1, score=30)])
    frame = tidy(again)
    axes = violin_plot(frame, ["A"], condition_colours(frame)).figure.axes[0]
    assert [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"] == [30]


def test_a_condition_of_equal_scores_is_a_line_and_the_caption_says_so():
    frame = tidy(scores_table({"A": [50, 50, 50], "B": [20, 40, 60]}))
    drawing = violin_plot(frame, ["A", "B"], condition_colours(frame))
    assert "all ratings of a condition are equal" in drawing.caption
    assert len(drawing.figure.axes[0].collections) == 1


@pytest.mark.slow
def test_a_million_ratings_are_drawn_in_seconds_and_in_a_small_file():
    n = 1_000_000
    place = np.arange(n)
    frame = pd.DataFrame(
        {
            "rater": (place // 2).astype(str),
            "session": "",
            "item": "x",
            "category": "",
            "condition": np.where(place % 2 == 0, "A", "B"),
            "role": "system",
            "spec": "",
            "score": np.random.default_rng(0).normal(50, 15, n).round().clip(0, 100),
            "repeat": 0,
        }
    )
    colours = {"A": "#0072b2", "B": "#d55e00"}
    began = time.process_time()
    drawing = violin_plot(frame, ["A", "B"], colours)
    assert time.process_time() - began < 20
    assert len(drawing.svg) < 100_000


@pytest.mark.parametrize("n_items", [1, 4, *(pytest.param(n, marks=pytest.mark.slow) for n in (14, 50, 200))])
def test_the_map_of_items_holds_every_mean_and_stays_legible(n_items):
    frame = tidy(exported(3, n_items))
    table = describe(frame, by=["item"])
    order = list(describe(frame)["condition"])
    drawing = item_plot(table, order, condition_colours(frame))
    axes = drawing.figure.axes[0]
    shown = np.asarray(axes.collections[0].get_array()).reshape(n_items, len(order))
    wanted = table.pivot(index="item", columns="condition", values="mean")[order]
    np.testing.assert_allclose(shown, wanted.loc[list(dict.fromkeys(table["item"]))])
    drawing.figure.canvas.draw()
    for labels in (axes.get_xticklabels(), axes.get_yticklabels(), axes.texts):
        boxes = [label.get_window_extent() for label in labels if label.get_text()]
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])
        assert all(label.get_fontsize() >= 7 for label in labels)
    assert drawing.figure.get_size_inches()[1] < 14
    assert ("One item in" in drawing.caption) == (n_items > 100)


def test_figures_within_the_cells_keep_their_ink_on_a_dark_page():
    frame = tidy(scores_table({"A": [0, 0], "B": [100, 100]}))
    drawing = item_plot(describe(frame, by=["item"]), ["A", "B"], condition_colours(frame))
    colours = [text.get_color() for text in drawing.figure.axes[0].texts]
    assert colours == ["#ffffff", "#000000"]
    assert "var(--surface, #ffffff)" not in drawing.inline_svg


def test_cells_that_nobody_rated_are_empty():
    frame = tidy(
        pd.DataFrame({"rater": list("aab"), "item": ["x", "y", "x"], "condition": list("ABB"), "score": [1, 2, 3]})
    )
    drawing = item_plot(describe(frame, by=["item"]), ["A", "B"], condition_colours(frame))
    shown = drawing.figure.axes[0].collections[0].get_array()
    assert np.ma.getmaskarray(shown).reshape(2, 2).tolist() == [[False, False], [True, False]]

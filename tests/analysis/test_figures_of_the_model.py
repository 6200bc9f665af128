"""Curves over rate, differences and residuals show what the mixed model found."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis.describe import describe
from analysis.figures import condition_colours, difference_plot, rate_quality_plot, residual_plot
from analysis.figures.residuals import CELLS, QUANTILES
from analysis.frame import tidy
from analysis.mixed import mixed_model
from analysis.rates import curves, points

from .studies import exported


@pytest.fixture(scope="module")
def study():
    frame = tidy(exported(12, 5))
    return frame, mixed_model(frame), points(frame), condition_colours(frame)


def means_of(codecs: dict[str, list[tuple[float, float]]]) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Points and means by codec: (kbit/s, mean) with an interval of 4 points on both sides."""
    rows = [(f"{name} {kbps:g}", name, kbps, mean) for name, given in codecs.items() for kbps, mean in given]
    table = pd.DataFrame(rows, columns=["condition", "codec", "kbps", "mean"])
    means = table[["condition", "mean"]].assign(ci_low=table["mean"] - 4, ci_high=table["mean"] + 4)
    palette = dict(zip(codecs, ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9") * 4, strict=False))
    return table[["condition", "codec", "kbps"]], means, table.set_index("condition")["codec"].map(palette).to_dict()


def curve_lines(axes) -> list:
    return [line for line in axes.lines if line.get_marker() == "None" and line.get_linewidth() == 1.8]


def written(drawing) -> list[str]:
    legends = [text.get_text() for legend in drawing.figure.legends for text in legend.get_texts()]
    return [text.get_text() for text in drawing.figure.axes[0].texts] + legends


def test_points_intervals_and_curves_are_those_of_the_model(study):
    _, model, table, colours = study
    found, means = curves(table), model.means().set_index("condition")
    axes = rate_quality_plot(table, model.means(), found, colours).figure.axes[0]
    dots = [line for line in axes.lines if line.get_markersize() == 7]
    assert len(dots) == len(found)
    for curve, line in zip(found, dots, strict=True):
        np.testing.assert_allclose(line.get_ydata(), means.loc[list(curve.conditions), "mean"])
        np.testing.assert_allclose(line.get_xdata(), curve.kbps, rtol=0.2)  # set apart a little
    drawn = [line.get_ydata() for line in curve_lines(axes)]
    several = [curve for curve in found if len(curve.kbps) > 1]
    for curve, line_of_means in zip(several, drawn, strict=True):
        np.testing.assert_allclose(line_of_means, means.loc[list(curve.conditions), "mean"])


def test_a_curve_that_rises_and_falls_is_drawn_as_it_is_and_named_in_the_caption():
    table, means, colours = means_of({"Steady": [(6, 40), (12, 70)], "Tuned too high": [(6, 40), (12, 75), (24, 55)]})
    drawing = rate_quality_plot(table, means, curves(table), colours)
    assert [list(line.get_ydata()) for line in curve_lines(drawing.figure.axes[0])] == [[40, 70], [40, 75, 55]]
    assert "the mean does in Tuned too high." in drawing.caption


def test_every_codec_and_reference_is_named_once_beside_its_curve_or_in_the_legend(study):
    frame, model, table, colours = study
    drawing = rate_quality_plot(table, model.means(), curves(table), colours, {"Reference": 98.0, "Low anchor": 20.0})
    for name in ("EnCodec", "EVS 9.6", "Lyra", "Opus", "Reference", "Low anchor"):
        assert written(drawing).count(name) == 1, name


def test_codecs_are_told_apart_without_colour():
    table, means, colours = means_of({f"codec{i}": [(3, 30 + 4 * i), (12, 40 + 4 * i)] for i in range(6)})
    axes = rate_quality_plot(table, means, curves(table), colours).figure.axes[0]
    markers = [line.get_marker() for line in axes.lines if line.get_markersize() == 7]
    dashes = [str(line.get_linestyle()) + str(line._dash_pattern) for line in curve_lines(axes)]
    assert len(set(zip(markers, dashes, strict=True))) == 6


def test_codecs_of_one_family_have_colours_of_their_own_beside_each_other():
    table, means, colours = means_of({f"codec{i}": [(3, 30 + 4 * i), (12, 40 + 4 * i)] for i in range(6)})
    axes = rate_quality_plot(table, means, curves(table), dict.fromkeys(colours, "#d55e00")).figure.axes[0]
    assert len({line.get_color() for line in curve_lines(axes)}) == 6


@pytest.mark.parametrize("n", [7, 13])
def test_more_codecs_than_colours_have_a_panel_each(n):
    names = [f"a codec that has a long name, number {i}" for i in range(n)]
    table, means, colours = means_of({name: [(3, 30 + i), (12, 40 + i)] for i, name in enumerate(names)})
    drawing = rate_quality_plot(table, means, curves(table), colours, {"Reference": 97.0})
    panels = drawing.figure.axes
    assert len(panels) == n
    assert len({axes.get_title(loc="left") for axes in panels}) == n
    for i, axes in enumerate(panels):
        dots = [line for line in axes.lines if line.get_markersize() == 7]
        assert [list(line.get_ydata()) for line in dots] == [[30 + i, 40 + i]]
        assert len(axes.lines) == 2 + n + 2  # intervals, curves, the reference and the points
        colourful = {line.get_color() for line in axes.lines} - {"#4a5567"}
        assert len(colourful) == 1
    assert "A panel for each codec" in drawing.caption
    assert "Reference (97.0)" in drawing.caption
    drawing.figure.canvas.draw()
    titles = [axes._left_title.get_window_extent() for axes in panels]
    assert not any(one.overlaps(other) for one, other in combinations(titles, 2))
    assert all(box.x1 <= drawing.figure.canvas.get_width_height()[0] for box in titles)


def test_labels_of_many_curves_cover_neither_each_other_nor_a_point():
    table, means, colours = means_of(
        {f"codec number {i}": [(3 + i / 20, 40 + i), (6, 50 + i), (12, 60 + i)] for i in range(6)}
    )
    drawing = rate_quality_plot(table, means, curves(table), colours, {"Reference": 97.0, "Anchor": 95.0})
    figure, axes = drawing.figure, drawing.figure.axes[0]
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    boxes += [text.get_window_extent() for legend in figure.legends for text in legend.get_texts()]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])
    dots = [line for line in axes.lines if line.get_markersize() == 7]
    for at in np.concatenate([axes.transData.transform(line.get_xydata()) for line in dots]):
        assert not any(box.contains(*at) for box in boxes)
    width, height = figure.canvas.get_width_height()
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)
    assert {f"codec number {i}" for i in range(6)} <= set(written(drawing))


def test_marks_stand_at_the_rates_that_were_rated():
    table, means, colours = means_of({"a": [(1.5, 30), (6, 50)], "b": [(6.1, 40), (24, 60)]})
    axes = rate_quality_plot(table, means, curves(table), colours).figure.axes[0]
    assert sorted({*axes.get_xticks(), *axes.get_xticks(minor=True)}) == [1.5, 6, 6.1, 24]
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1.5", "6", "24"]  # 6.1 has no room


def test_two_conditions_of_one_codec_and_rate_are_both_drawn():
    table, means, colours = means_of({"a": [(3, 50), (6, 60)]})
    twin = pd.DataFrame({"condition": ["a 6 again"], "codec": ["a"], "kbps": [6.0]})
    means = pd.concat([means, pd.DataFrame({"condition": ["a 6 again"], "mean": [80.0]})])
    drawing = rate_quality_plot(
        pd.concat([table, twin]), means, curves(pd.concat([table, twin])), colours | {"a 6 again": "#0072b2"}
    )
    assert "a 6 again" in written(drawing)


def test_conditions_without_a_rate_are_named_in_the_caption():
    table, means, colours = means_of({"a": [(3, 50), (6, 60)], "AudioDec": [(np.nan, 70)]})
    table.loc[table["codec"] == "AudioDec", "condition"] = "AudioDec"
    drawing = rate_quality_plot(table, means, curves(table), colours)
    assert "not drawn: AudioDec" in drawing.caption
    alone = table[table["condition"] == "AudioDec"]
    assert rate_quality_plot(alone, means, [], colours).svg


def test_differences_are_those_of_the_model_with_the_better_condition_first(study):
    _, model, _, _ = study
    contrasts = model.contrasts()
    kept = contrasts[contrasts["a"].isin(["EnCodec 3", "Opus 6"]) & contrasts["b"].isin(["Opus 6", "Opus 12"])]
    axes = difference_plot(kept).figure.axes[0]
    dots = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert sorted(dots) == pytest.approx(sorted(kept["difference"].abs()))
    ends = sorted(tuple(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 2)
    wanted = kept["difference"].to_numpy() > 0
    turned = np.where(wanted[:, None], kept[["ci_low", "ci_high"]], -kept[["ci_high", "ci_low"]].to_numpy())
    np.testing.assert_allclose(ends, sorted(map(tuple, turned)))


def test_of_many_pairs_the_neighbours_are_shown_and_the_caption_says_so(study):
    _, model, _, _ = study  # nine systems: 36 pairs
    means = model.means().sort_values("mean", ascending=False)
    drawing = difference_plot(model.contrasts())
    axes = drawing.figure.axes[0]
    assert "Of the 36 pairs" in drawing.caption
    pairs = zip(means["condition"], means["condition"].iloc[1:], strict=False)
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"{a}\n− {b}" for a, b in pairs]
    dots = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert dots == pytest.approx(-np.diff(means["mean"]))


def test_significance_is_seen_without_colour_and_the_margin_as_a_band():
    rows = [(a, b, 6.0, 1.0, 11.0, p) for (a, b), p in zip(combinations("ABC", 2), (0.01, 0.2, 0.049), strict=True)]
    contrasts = pd.DataFrame(rows, columns=["a", "b", "difference", "ci_low", "ci_high", "p_holm"])
    drawing = difference_plot(contrasts, 5)
    axes = drawing.figure.axes[0]
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]
    assert [face == "#fffffe" for face in faces] == [False, True, False]
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (round(band.x0, 6), round(band.x1, 6)) == (-5, 5)
    assert "margin of 5 points" in drawing.caption
    assert not difference_plot(contrasts).figure.axes[0].patches


@pytest.mark.parametrize("n", [300, 20_000])
def test_residuals_are_drawn_one_by_one_or_counted(n):
    draw = np.random.default_rng(2)
    fitted, residuals = draw.uniform(0, 100, n), draw.normal(0, 8, n)
    drawing = residual_plot(fitted, residuals)
    left, right = drawing.figure.axes
    if n > 5_000:
        assert left.collections[0].get_array().sum() == n
        assert left.collections[0].get_array().size == CELLS**2
        assert len(right.lines[0].get_xdata()) == QUANTILES
    else:
        np.testing.assert_array_equal(left.lines[0].get_ydata(), residuals)
        np.testing.assert_array_equal(right.lines[0].get_ydata(), np.sort(residuals))
    middle = slice(len(right.lines[0].get_xdata()) // 4, -len(right.lines[0].get_xdata()) // 4)
    normal, ordered = right.lines[0].get_xdata()[middle], right.lines[0].get_ydata()[middle]
    np.testing.assert_allclose(ordered, 8 * normal, atol=1.5)
    assert len(drawing.svg) < 300_000


def test_the_reference_line_of_a_study_is_its_mean(study):
    frame, model, table, colours = study
    means = describe(frame).set_index("condition")["mean"]
    drawing = rate_quality_plot(table, model.means(), curves(table), colours, {"Reference": means["Reference"]})
    lines = [line for line in drawing.figure.axes[0].lines if line.get_linewidth() == 1.2]
    assert [line.get_ydata()[0] for line in lines] == [means["Reference"]]

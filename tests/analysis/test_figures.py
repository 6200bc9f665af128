"""Figures are legible with twelve conditions, and drawing them touches nothing of the process around them."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from analysis.describe import describe
from analysis.figures import (
    box_plot,
    condition_colours,
    difference_plot,
    influence_plot,
    item_plot,
    mean_plot,
    rate_quality_plot,
    rater_map,
    residual_plot,
    violin_plot,
)
from analysis.frame import tidy
from analysis.influence import Influence
from analysis.rates import curves, points

from .studies import exported, scores_table

NAMES = ["means", "boxes", "violins", "raters", "items", "rates", "differences", "residuals", "influence"]


def drawings(export: pd.DataFrame) -> list:
    """Every figure of a study; the model's tables from the plain means, so that any study has them."""
    frame = tidy(export)
    table = describe(frame)
    order, colours = list(table["condition"]), condition_colours(frame)
    there = points(frame)
    references = table[~table["condition"].isin(there["condition"])].set_index("condition")["mean"]
    cells = frame[frame["score"].notna()]
    fitted = cells.groupby("condition")["score"].transform("mean").to_numpy()
    return [
        mean_plot(table, colours),
        box_plot(frame, order, colours),
        violin_plot(frame, order, colours),
        rater_map(frame, order, ["R02"]),
        item_plot(describe(frame, by=["item"]), order, colours),
        rate_quality_plot(there, table, curves(there), colours, references.to_dict()),
        difference_plot(differences(table), 5),
        residual_plot(fitted, cells["score"].to_numpy() - fitted),
        influence_plot(without_each(differences(table))),
    ]


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """All pairs of a description, as `MixedModel.contrasts` has them."""
    means = dict(zip(table["condition"], table["mean"], strict=True))
    rows = [(a, b, means[a] - means[b]) for a, b in combinations(means, 2)]
    pairs = pd.DataFrame(rows, columns=["a", "b", "difference"])
    pairs["difference"] = pairs["difference"].astype(float)
    return pairs.assign(ci_low=pairs["difference"] - 6, ci_high=pairs["difference"] + 6, p_holm=0.04)


def without_each(pairs: pd.DataFrame) -> Influence:
    """Pairs with three items and three raters left out, the first of which change every third verdict."""
    whole = pairs[["a", "b", "difference"]].assign(kind="difference", p=0.04, verdict="higher")
    without = pd.concat(
        [
            whole.assign(
                left_out=left_out,
                name=f"{left_out} {n} with a name that is long",
                difference=whole["difference"] + n,
                changes=(whole.index % 3 == 0) & (n == 1),
            )
            for left_out in ("item", "rater")
            for n in (1, 2, 3)
        ],
        ignore_index=True,
    )
    return Influence(3, 3, whole, without, ())


@pytest.fixture(scope="module")
def twelve() -> list:
    """Twelve conditions with names longer than a figure has room for, forty raters."""
    export = exported(n_raters=40, n_items=3)
    export["condition"] = export["condition"] + " with a long name"
    return drawings(export)


@pytest.fixture(scope="module")
def twelve_short() -> list:
    """Twelve conditions, four raters."""
    return drawings(exported(4, 2))


def extents(labels) -> list:
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    assert boxes
    return boxes


def words(axes) -> list:
    """All that is written in and around a panel, without labels of marks beyond its ends, which are not drawn."""
    found = [*axes.texts, axes.xaxis.label, axes.yaxis.label]
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                found += [label for label in (tick.label1, tick.label2) if label.get_visible()]
    legends = axes.figure.legends if axes is axes.figure.axes[0] else []
    return [text for text in found if text.get_visible()] + [text for it in legends for text in it.get_texts()]


def test_no_two_labels_of_twelve_conditions_overlap(twelve):
    for drawing in twelve:
        drawing.figure.canvas.draw()
        for axes in drawing.figure.axes:
            boxes = extents(words(axes))
            for i, one in enumerate(boxes):
                for other in boxes[i + 1 :]:
                    assert not one.overlaps(other), drawing.name


def test_every_label_lies_within_the_figure(twelve):
    for drawing in twelve:
        drawing.figure.canvas.draw()
        width, height = drawing.figure.canvas.get_width_height()
        for axes in drawing.figure.axes:
            for box in extents(words(axes)):
                assert box.x0 >= -1, drawing.name
                assert box.y0 >= -1, drawing.name
                assert box.x1 <= width + 1, drawing.name
                assert box.y1 <= height + 1, drawing.name


def test_the_drawn_means_and_boxes_are_those_of_the_table():
    frame = tidy(scores_table({"A": [10, 20, 30, 40], "B": [50, 60, 70, 80]}))
    table = describe(frame)
    figure = mean_plot(table, condition_colours(frame)).figure
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [float(np.atleast_1d(dot.get_xdata())[0]) for dot in dots] == table["mean"].tolist()
    ends = [line.get_xdata() for line in figure.axes[0].lines if line.get_linewidth() == 3]
    np.testing.assert_allclose(ends, table[["ci_low", "ci_high"]].clip(0, 100))
    boxes = box_plot(frame, ["A", "B"], condition_colours(frame)).figure.axes[0].patches
    assert [(patch.get_path().vertices[:, 0].min(), patch.get_path().vertices[:, 0].max()) for patch in boxes] == [
        (17.5, 32.5),
        (57.5, 72.5),
    ]


def test_codecs_of_one_family_share_a_colour_and_others_do_not():
    colours = condition_colours(tidy(exported(2, 1)))
    assert colours["Opus 6"] == colours["Opus 12"]
    systems = {colours[name] for name in ("EnCodec 3", "EVS 9.6", "Lyra 6", "Opus 6")}
    assert len(systems) == 4
    assert not systems & {colours["Reference"], colours["Low anchor"]}


def test_systems_of_more_families_than_colours_share_one_colour():
    names = [f"Codec {letter}" for letter in "ABCDEFG"]
    seven = condition_colours(tidy(scores_table({"Reference": [100], **{name: [50] for name in names}})))
    assert len({seven[name] for name in names}) == 1
    assert seven["Reference"] != seven["Codec A"]
    six = condition_colours(tidy(scores_table({name: [50] for name in names[:6]})))
    assert len(set(six.values())) == 6


def test_figures_on_one_page_share_no_id_and_every_reference_is_met(twelve_short):
    seen: set[str] = set()
    for drawing in twelve_short:
        ids = re.findall(r'\bid="([^"]+)"', drawing.inline_svg)
        assert len(ids) == len(set(ids))
        assert not seen & set(ids)
        seen |= set(ids)
        targets = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', drawing.inline_svg)
        assert targets, drawing.name
        assert {a or b for a, b in targets} <= set(ids)


@pytest.mark.slow
def test_svg_is_well_formed_and_the_same_each_time(twelve_short):
    first, second = twelve_short, drawings(exported(4, 2))
    for one, other in zip(first, second, strict=True):
        ElementTree.fromstring(one.svg)
        ElementTree.fromstring(one.inline_svg)
        assert one.svg == other.svg


def test_an_inlined_figure_holds_no_style_that_a_security_policy_may_forbid(twelve_short):
    for drawing in twelve_short:
        assert "<style" not in drawing.inline_svg
        assert "style=" not in drawing.inline_svg
        assert 'fill="var(--ink, #18202b)"' in drawing.inline_svg
        assert "var(" not in drawing.svg


def test_names_with_markup_and_mathematics_are_drawn_as_they_are():
    names = {"$\\frac": [10, 20], "a<b>&\"c'": [30, 40], "x^2_i $": [50, 60], "--><script>": [70, 80]}
    for drawing in drawings(scores_table(names)):
        ElementTree.fromstring(drawing.svg)
        assert "<script" not in drawing.inline_svg


def test_one_rater_and_one_condition_can_be_drawn():
    found = drawings(scores_table({"A": [40]}))
    assert [drawing.name for drawing in found] == NAMES
    for drawing in found:
        assert drawing.png(40).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("names", [["Opus 6"], ["Opus 6", "Opus 12", "EnCodec 6"]])
def test_equal_scores_can_be_drawn(names):
    for drawing in drawings(scores_table({name: [50, 50, 50] for name in names})):
        ElementTree.fromstring(drawing.svg)


@pytest.mark.slow
def test_sixty_raters_and_twenty_four_conditions_can_be_drawn():
    codecs = ("aac", "codec2", "encodec", "evs", "lyra", "mp3", "opus", "xhe")
    conditions = [
        (f"{codec} {kbps + i / 10}", "system", f"{codec}@{kbps + i / 10}", "", np.nan, 20 + 20 * step + 2 * i)
        for i, codec in enumerate(codecs)
        for step, kbps in enumerate((3, 6, 12))
    ]
    found = drawings(exported(60, 2, conditions=conditions))
    test_no_two_labels_of_twelve_conditions_overlap(found)
    test_every_label_lies_within_the_figure(found)


def test_conditions_that_screening_left_without_a_rating_leave_an_empty_row():
    frame = tidy(exported(4, 2))
    table, colours = describe(frame), condition_colours(frame)
    empty = table.index[table["condition"] == "Opus 6"]
    table.loc[empty, ["mean", "ci_low", "ci_high", "median", "q1", "q3"]] = np.nan
    kept = frame[frame["condition"] != "Opus 6"]
    order = list(table["condition"])
    found = [
        mean_plot(table, colours),
        box_plot(kept, order, colours),
        violin_plot(kept, order, colours),
        item_plot(describe(kept, by=["item"]), order, colours),
        rate_quality_plot(points(frame), table, curves(points(frame)), colours, {"Reference": float("nan")}),
        difference_plot(differences(table), float("nan")),
        residual_plot(np.array([np.nan, 50.0, 60.0]), np.array([1.0, 2.0, np.nan])),
    ]
    for drawing in found:
        assert "nan" not in "".join(text.get_text() for axes in drawing.figure.axes for text in axes.texts)
        ElementTree.fromstring(drawing.svg)


def test_long_names_that_begin_alike_stay_apart():
    start = "A condition with a name far longer than any row "
    frame = tidy(scores_table({f"{start}{end}": [40, 50] for end in ("one", "two", "three")}))
    table = describe(frame)
    axes = mean_plot(table, condition_colours(frame)).figure.axes[0]
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(shown)) == 3
    assert all(len(text) <= 24 for text in shown)


def test_two_thousand_raters_make_no_monster_of_a_file():
    table = pd.DataFrame({"A": np.arange(2000) % 101, "B": np.arange(2000) % 71})
    for drawing in drawings(scores_table({name: table[name].tolist() for name in table})):
        assert len(drawing.svg) < 500_000


@pytest.mark.slow
def test_drawing_leaves_matplotlibs_settings_alone():
    before = dict(mpl.rcParams)
    drawings(exported(3, 2))
    assert dict(mpl.rcParams) == before


def test_pyplot_is_never_loaded():
    code = "import sys, analysis.report; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_figures_can_be_drawn_in_several_threads_at_once():
    exports = [exported(3, 1, seed=seed) for seed in range(3)]
    alone = [[drawing.svg for drawing in drawings(export)] for export in exports]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda export: [drawing.svg for drawing in drawings(export)], exports))
    assert together == alone

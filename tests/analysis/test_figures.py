"""Figures are legible with twelve conditions, and drawing them touches nothing of the process around them."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from analysis.describe import describe
from analysis.figures import box_plot, condition_colours, mean_plot, rater_map
from analysis.frame import tidy

from .studies import exported, scores_table


def drawings(export: pd.DataFrame) -> list:
    frame = tidy(export)
    table = describe(frame)
    order, colours = list(table["condition"]), condition_colours(frame)
    return [mean_plot(table, colours), box_plot(frame, order, colours), rater_map(frame, order, ["R02"])]


@pytest.fixture(scope="module")
def twelve() -> list:
    """Twelve conditions with names longer than a figure has room for, forty raters."""
    export = exported(n_raters=40, n_items=3)
    export["condition"] = export["condition"] + " with a long name"
    return drawings(export)


def extents(labels) -> list:
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    assert boxes
    return boxes


def test_no_two_labels_of_twelve_conditions_overlap(twelve):
    for drawing in twelve:
        drawing.figure.canvas.draw()
        for axes in drawing.figure.axes:
            texts = [*axes.get_xticklabels(), *axes.get_yticklabels(), *axes.texts, axes.xaxis.label, axes.yaxis.label]
            boxes = extents([text for text in texts if text.get_visible()])
            for i, one in enumerate(boxes):
                for other in boxes[i + 1 :]:
                    assert not one.overlaps(other), drawing.name


def test_every_label_lies_within_the_figure(twelve):
    for drawing in twelve:
        drawing.figure.canvas.draw()
        width, height = drawing.figure.canvas.get_width_height()
        for axes in drawing.figure.axes:
            for box in extents([*axes.get_xticklabels(), *axes.get_yticklabels(), *axes.texts]):
                assert box.x0 >= -1
                assert box.y0 >= -1
                assert box.x1 <= width + 1
                assert box.y1 <= height + 1


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


def test_figures_on_one_page_share_no_id_and_every_reference_is_met():
    seen: set[str] = set()
    for drawing in drawings(exported(4, 2)):
        ids = re.findall(r'\bid="([^"]+)"', drawing.inline_svg)
        assert len(ids) == len(set(ids))
        assert not seen & set(ids)
        seen |= set(ids)
        targets = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', drawing.inline_svg)
        assert targets
        assert {a or b for a, b in targets} <= set(ids)


def test_svg_is_well_formed_and_the_same_each_time():
    first, second = drawings(exported(4, 2)), drawings(exported(4, 2))
    for one, other in zip(first, second, strict=True):
        ElementTree.fromstring(one.svg)
        ElementTree.fromstring(one.inline_svg)
        assert one.svg == other.svg


def test_an_inlined_figure_holds_no_style_that_a_security_policy_may_forbid():
    for drawing in drawings(exported(4, 2)):
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
    for drawing in drawings(scores_table({"A": [40]})):
        assert drawing.png().startswith(b"\x89PNG")


def test_two_thousand_raters_make_no_monster_of_a_file():
    table = pd.DataFrame({"A": np.arange(2000) % 101, "B": np.arange(2000) % 71})
    for drawing in drawings(scores_table({name: table[name].tolist() for name in table})):
        assert len(drawing.svg) < 500_000


def test_drawing_leaves_matplotlibs_settings_alone():
    before = dict(mpl.rcParams)
    drawings(exported(3, 2))
    assert dict(mpl.rcParams) == before


def test_pyplot_is_never_loaded():
    code = "import sys, analysis.report; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_figures_can_be_drawn_in_several_threads_at_once():
    exports = [exported(3, 1, seed=seed) for seed in range(3)]
    alone = [[drawing.svg for drawing in drawings(export)] for export in exports]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda export: [drawing.svg for drawing in drawings(export)], exports))
    assert together == alone

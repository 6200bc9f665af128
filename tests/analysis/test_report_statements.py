"""A report states nothing that its data do not show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import material
from analysis.__main__ import main
from analysis.claim import bits, bits_between, claim, sentences
from analysis.figures.differences import difference_plot
from analysis.frame import tidy
from analysis.rates import points
from analysis.readers import read_ratings
from analysis.report import Report, build_report
from analysis.report.document import KeyFigures
from analysis.report.findings import findings
from analysis.report.sections.claim import the_claim
from analysis.roles import doubts

from .studies import FEW, exported, scores_table
from .test_report import text_of

FILES = Path(__file__).parent.parent / "data" / "files_as_people_have_them"


@pytest.fixture(scope="module")
def one_item() -> Report:
    return build_report(read_ratings(FILES / "one_item.csv"), margin=5)


@pytest.fixture(scope="module")
def disjoint() -> Report:
    rates = {"Alpha": 6.0, "Beta": 6.0, "Gamma": 12.0}
    return build_report(read_ratings(FILES / "systems_on_disjoint_items.csv"), margin=5, rates=rates)


def test_a_report_on_one_item_takes_it_as_fixed_and_says_nothing_about_other_items(one_item):
    text = text_of(one_item.html)
    assert "on these items (mixed model, items fixed)" in text
    assert "1 item is too few to stand for others, and taken as fixed." in text
    for words in ("other items of the kind", "for other items of the same kind", "items random", "Items random"):
        assert words not in text
    assert one_item.model is not None
    assert one_item.claim is not None
    assert {one_item.model.items, one_item.claim.model.items} == {"fixed"}
    assert json.loads(json.dumps(one_item.tests()["mixed_model"]["items"])) == "fixed"


def test_four_items_are_fixed_and_five_random_in_every_sentence():
    few, enough = (text_of(build_report(exported(6, n, conditions=FEW)).html) for n in (4, 5))
    assert "So few items are taken as fixed: the results hold for these items only." in few
    assert "other items of the kind" not in few
    assert "Items random" not in few
    assert "on other items of the kind as well (mixed model, items random)" in enough


def test_systems_on_different_items_are_compared_over_common_items_and_the_summary_says_so(disjoint):
    summary = " ".join(findings(disjoint))
    assert "Systems were rated on different items." in summary
    assert "1 pair cannot be compared, having no item in common: Alpha and Beta." in summary
    assert "has the highest mean" not in summary
    text = text_of(disjoint.html)
    assert "so their means differ by their items as well" in text
    assert "missing in trials" not in text
    assert material.missing_cells(disjoint.screening.kept) == (0, 12 * 6 * 3)
    pairs = disjoint.model.contrasts().set_index(["a", "b"])
    assert np.isnan(pairs.loc[("Alpha", "Beta"), "difference"])
    assert pairs.loc[("Alpha", "Gamma"), ["items", "n_items"]].tolist() == ["fixed", 3]
    verdicts = disjoint.claim.comparisons.set_index(["system", "against"])["verdict"]
    assert verdicts["Alpha", "Beta"] == "not comparable"
    assert verdicts["Alpha", "Gamma"] != "not comparable"
    assert any("Alpha (6 kbit/s) cannot be compared with Beta" in said for said in sentences(disjoint.claim))
    assert disjoint.ordinal is None


def test_no_sentence_calls_items_random_where_each_pair_takes_them_as_fixed(disjoint):
    text = text_of(disjoint.html)
    for words in ("items random", "Items random", "Items are a sample"):
        assert words not in text.replace("Variances in the pooled model, items random", "")
    between_systems = [said for said in sentences(disjoint.claim) if "transparent" not in said]
    assert "other items of the" not in " ".join(between_systems)
    assert set(disjoint.claim.comparisons["items"]) == {"fixed", ""}
    assert "margin 5 points, items fixed" in text


def test_the_mixed_model_names_the_effects_that_it_has(one_item):
    text = text_of(one_item.html)
    assert "Holm's correction covers 3 pairs." in text
    assert "There is one item: the result holds for it only." in text
    assert "with random effects of raters. It has one error for all pairs" in text
    assert "prefer different systems" not in text
    assert "so their means differ by their items" not in text
    assert "items are fixed in any case, and so is one rater. Checked against lme4" in text


def test_a_rule_that_could_not_be_applied_is_named_where_raters_are_counted():
    report = build_report(scores_table({"A": [20, 25, 30], "B": [50, 45, 60]}))
    (raters,) = [section for section in report.document.sections if section.title == "Raters"]
    said = [getattr(block, "text", "") for block in raters.blocks]
    assert "bs1534_hidden_reference was not applied: there is no rating of a hidden reference." in said


def test_supplied_systems_whose_names_differ_in_a_rate_are_compared():
    table = pd.concat(
        scores_table({name: [a, b, c]}, spec=f"supplied:name={name}", role="system")
        for name, a, b, c in (("Ours 6 kbit/s", 50, 62, 40), ("Ours 12 kbit/s", 70, 75, 66))
    )
    found = claim(tidy(table), margin=5)
    assert found.points["kbps"].isna().all()
    assert found.comparisons[["system", "against"]].to_numpy().tolist() == [["Ours 12 kbit/s", "Ours 6 kbit/s"]]


def test_a_cell_that_somebody_was_shown_and_left_empty_is_missing():
    table = scores_table({"A": [10, 20, 30], "B": [40, np.nan, 60]})
    other = scores_table({"A": [10, 20, 30]}, item="y")
    assert material.missing_cells(tidy(pd.concat([table, other]))) == (1, 9)


def test_a_condition_rated_like_a_hidden_reference_is_pointed_out_with_the_option_that_names_it(tmp_path, capsys):
    table = scores_table({"orig": [100, 99, 100, 98, 100, 97, 99], "A": [50, 61, 55, 70, 62, 48, 66], "B": [40] * 7})
    said = "orig was rated like a hidden reference (90 or more in 100% of ratings) and has no role."
    assert [note.startswith(said) for note in doubts(tidy(table))] == [True]
    table.to_csv(tmp_path / "ratings.csv", index=False)
    how = f'{said} If it is the hidden reference, say so: --role "orig=hidden_reference"'
    for command in ("compare", "screen"):
        assert main([command, str(tmp_path / "ratings.csv"), "--screening", "none"]) == 0
        assert how in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "ratings.csv"), "--role", "orig=hidden_reference"]) == 0
    assert "has no role" not in capsys.readouterr().err
    summary = findings(build_report(table, screening=["none"]))
    assert any(sentence.startswith(said) for sentence in summary)


def test_a_condition_rated_like_an_anchor_is_pointed_out():
    table = scores_table({"Reference": [100] * 7, "lp35": [5, 10, 12, 8, 20, 0, 3], "A": [50, 61, 55, 70, 62, 48, 66]})
    (said,) = doubts(tidy(table))
    assert said.startswith("lp35 was rated like a low anchor (20 or less in 100% of ratings)")
    assert '--role "lp35=low_anchor"' in said


NO_DOUBT = {
    "a known reference": scores_table({"Reference": [100] * 7, "A": [99] * 7, "low anchor": [10] * 7}),
    "roles in the file": scores_table({"orig": [100] * 7, "A": [50] * 7, "B": [40] * 7}, role="system"),
    "a wide spread": scores_table({"orig": [100, 100, 100, 70, 60, 100, 100], "A": [50] * 7, "B": [40] * 7}),
    "two at the top": scores_table({"A": [99] * 7, "B": [98] * 7, "C": [50] * 7}),
    "one condition": scores_table({"A": [99] * 7}),
}


@pytest.mark.parametrize("name", NO_DOUBT)
def test_no_other_condition_is_taken_for_a_reference(name):
    assert doubts(tidy(NO_DOUBT[name])) == []


def test_categories_are_counted_and_items_without_one_are_named():
    table = exported(4, 6, conditions=FEW).assign(
        category=lambda rows: rows["clip"].eq("clip 1").map({True: "music", False: ""})
    )
    text = text_of(build_report(table).html)
    assert text.count("6 items: 1 music, 5 without a category.") == 2  # material and design
    assert "(music)" not in text


def test_intervals_end_at_the_scale_in_tables_and_sentences_and_not_in_the_files():
    table = scores_table({"Reference": [100, 100, 100], "A": [99, 100, 91], "B": [2, 0, 11]})
    report = build_report(table, screening=["none"])
    row = report.conditions.set_index("condition")
    assert row.loc["A", "ci_high"] > 100
    assert row.loc["B", "ci_low"] < 0
    text = text_of(report.html)
    assert f"A {row.loc['A', 'mean']:.1f} {row.loc['A', 'ci_low']:.1f} to 100.0" in text
    assert f"B {row.loc['B', 'mean']:.1f} 0.0 to {row.loc['B', 'ci_high']:.1f}" in text
    assert f"confidence interval {row.loc['A', 'ci_low']:.1f} to 100.0)" in text
    assert "Tables and figures cut it off at the ends of the scale; the CSV and JSON files do not." in text
    assert report.tables()["conditions.csv"].set_index("condition").loc["A", "ci_high"] > 100
    assert max(row["ci_high"] for row in report.tests()["mixed_model"]["means"]) > 100


def test_intervals_of_differences_end_at_100_points_in_tables_and_figures():
    """Two raters and one item: the intervals are wider than the scale."""
    report = build_report(scores_table({"A": [95, 60], "B": [15, 40], "C": [5, 25]}), screening=["none"])
    pairs = report.model.contrasts()
    assert pairs["ci_high"].tolist() == pytest.approx([431.2, 411.9, 44.3], abs=0.1)
    assert "A B 50.0 30.00 1.0 \N{MINUS SIGN}100.0" in text_of(report.html)
    assert "431" not in text_of(report.html)
    assert difference_plot(pairs).figure.axes[0].get_xlim()[1] == pytest.approx(100, abs=9)


def test_bold_figures_are_called_bold(one_item):
    text = text_of(one_item.html)
    assert "Strong" not in text
    assert "Bold: p (Holm) < 0.05." in text


def test_more_bits_are_not_called_fewer():
    assert (bits(0.8), bits(1.25)) == ("1.2 times as many", "1.2 times fewer")
    assert bits_between(0.5, 0.8) == "1.2 to 2.0 times as many"
    report = build_report(exported(8, 6))
    found = report.claim
    more = found.rates[(found.rates["factor"] < 0.9) & (found.rates["status"] == "reached")]
    assert len(more)
    (table,) = [block for block in the_claim(report) if getattr(block, "file", "") == "rates.csv"]
    (cells,) = [column.cells for column in table.columns if column.heading == "Bits"]
    for factor, text in zip(report.claim.rates["factor"], cells, strict=True):
        assert ("as many" in text) == (factor < 1.05) or factor != factor


def test_the_number_in_a_supplied_systems_name_is_not_its_bitrate():
    table = scores_table({"Ours 6": [50, 60]}, spec="supplied:name=ours-6", role="system")
    assert points(tidy(table))["kbps"].isna().all()


def test_ratings_without_a_score_are_not_counted():
    table = scores_table({"Reference": [100, 99, 98], "A": [20, np.nan, 30], "B": [50, 45, 60]})
    summary = build_report(table).document.sections[0].blocks
    (figures,) = [block.figures for block in summary if isinstance(block, KeyFigures)]
    assert figures["ratings"] == "8"


def test_lost_packets_and_two_codecs_in_a_row_are_described_where_there_are_any(one_item):
    lossy, chain = "Opus 16 kbps, 5% packet loss in bursts of 2", "Opus 12 kbps, then AMR-NB 12.2 kbps"
    specs = {lossy: "opus@16:burst=2:loss=5", chain: "tandem:first=opus@12:then=amrnb@12.2"}
    table = pd.concat(scores_table({name: [50, 62, 40]}, spec=spec, role="system") for name, spec in specs.items())
    report = build_report(table)
    text = text_of(report.html)
    assert f"Packets were lost in {lossy} (5%, mean burst of 2 packets), by the model of Gilbert and Elliott" in text
    assert f"In {chain} the second codec coded the output of the first. In {chain} the bitrate is that of the" in text
    assert report.claim is None or set(report.claim.points["codec"]) == {"opus:burst=2:loss=5", specs[chain]}
    other = text_of(one_item.html)
    assert "Packets were lost" not in other
    assert "the second codec coded" not in other


def test_both_tables_of_differences_have_the_reports_level():
    report = build_report(exported(8, 6), level=0.9)
    tests = next(section for section in report.document.sections if section.title == "Tests")
    tables = [
        block for block in every_block(tests.blocks) if "Differences of every pair" in getattr(block, "caption", "")
    ]
    for table, error in zip(tables, ("own", "pooled"), strict=True):
        row = report.model.contrasts(0.9, error=error).iloc[0]
        (cells,) = [column.cells for column in table.columns if column.heading == "CI"]
        assert cells[0].startswith(f"{row['ci_low']:.1f}".replace("-", "\N{MINUS SIGN}"))
        assert "90% confidence interval" in table.caption


def every_block(blocks):
    for block in blocks:
        yield block
        yield from every_block(getattr(block, "blocks", []))


def test_the_bounded_model_stands_beside_the_ordinal_one_with_its_files_and_methods():
    report = build_report(exported(9, 6, conditions=FEW))
    assert report.bounded is not None
    tables = {table.file: table for table in report.document.tables()}
    caption = tables["bounded.csv"].caption
    assert caption.startswith("Ordered beta regression, a model that knows the ends of the scale: first minus second")
    assert "Items random." in caption
    assert tables["bounded.csv"].n_rows == len(report.bounded.contrasts())
    assert "Bounded" in [column.heading for column in tables["methods.csv"].columns]
    assert "Bounded model: ordered beta regression (Kubinec 2023)" in text_of(report.html)
    written = report.tables()
    assert written["bounded.csv"].equals(report.bounded.contrasts())
    assert written["bounded_means.csv"]["mean"].between(0, 100).all()
    found = json.loads(json.dumps(report.tests()["bounded"], allow_nan=False))
    assert found["items"] == "random"
    assert [row["a"] for row in found["contrasts"]] == written["bounded.csv"]["a"].tolist()


def test_a_study_without_a_bounded_model_says_why(disjoint):
    assert disjoint.bounded is None
    assert disjoint.tests()["bounded"] is None
    said = "There is no bounded model. Systems were rated on different items"
    assert said in text_of(disjoint.html)


def test_a_system_that_is_always_at_100_leaves_the_other_models():
    table = exported(9, 6, conditions=FEW)
    report = build_report(table.assign(score=table["score"].where(table["condition"] != "EnCodec 12", 100)))
    assert report.model is not None
    assert report.bounded is None
    assert report.refusals["bounded"].startswith("All scores of EnCodec 12 are 100,")

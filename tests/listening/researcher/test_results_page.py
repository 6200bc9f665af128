import csv
import io
import zipfile

import pytest
from django.core.management import call_command
from django.urls import reverse

from listening import primary_claims, studies
from listening.models import PrimaryClaim, Study

NOBODY = "No ratings found: nobody has rated this study&#x27;s sounds."
DOWNLOADS = [
    ("download", "ratings"),
    ("download", "sessions"),
    ("report_file", "html"),
    ("report_file", "pdf"),
    ("report_file", "zip"),
]


@pytest.fixture(scope="module")
def _answers():
    return {}


@pytest.fixture
def answers(_answers, page, closed):
    """What the owner of a closed study with a margin gets: asked for by the first test, looked at by the others."""
    if not _answers:
        Study.objects.update(margin=7)
        pair = {
            name: primary_claims.named(closed.study, spec)
            for name, spec in (("system", "opus@12"), ("against", "reference"))
        }
        PrimaryClaim.objects.create(study=closed.study, statement="no worse", **pair)
        _answers["loudness"] = closed.study.loudness
        _answers["page"] = page.get(reverse("results", args=[closed.study.slug]))
        for ending in ("html", "pdf", "zip"):
            _answers[ending] = page.get(reverse("report_file", args=[closed.study.slug, ending]))
    return _answers


def text_of(page, study):
    return page.get(reverse("results", args=[study.slug])).content.decode()


def test_while_the_study_is_open_results_stay_hidden_for_staff_too(page, staff, rated):
    for client in (page, staff):
        text = text_of(client, rated.study)
        assert "Results stay hidden until the study is closed" in text
        assert "ratings.csv" not in text
        assert "Kendall" not in text
        for name, *table in DOWNLOADS:
            response = client.get(reverse(name, args=[rated.study.slug, *table]), follow=True)
            assert response.redirect_chain == [(reverse("results", args=[rated.study.slug]), 302)]
            assert "Results stay hidden" in response.content.decode()


def test_of_an_open_study_the_quality_of_the_data_is_shown(page, rated):
    quality = page.get(reverse("results", args=[rated.study.slug])).context["quality"]
    assert (quality.started, quality.finished) == (4, 3)
    assert quality.excluded == 1  # the careless one, who gives the hidden reference less than 90
    assert 0 < quality.pages_done <= quality.pages
    assert "Quality of the data so far" in text_of(page, rated.study)


def test_of_an_open_study_without_raters_there_is_no_quality_yet(page, opened):
    quality = page.get(reverse("results", args=[opened.slug])).context["quality"]
    assert (quality.started, quality.minutes, quality.seconds_heard, quality.excluded) == (0, None, None, 0)


def test_before_the_study_opened_there_is_nothing(page, ready):
    assert "There are no results yet" in text_of(page, ready)
    assert page.get(reverse("download", args=[ready.slug, "ratings"])).status_code == 302


def test_a_closed_study_shows_statistics_and_figures_after_its_own_screening(answers):
    text = answers["page"].content.decode()
    report = answers["page"].context["report"]
    assert "After screening: 2 raters" in report
    assert report.count("<svg") >= 2
    assert "bs1534_hidden_reference: hidden reference below 90 in 2 of 2 trials" in text
    assert "66.0" in report  # mean of 70 and 62: the careless rater is out
    assert "Friedman" in report


def test_statistics_use_the_rules_that_were_fixed_at_opening(page, rated):
    Study.objects.update(screening=[])
    rated.study.refresh_from_db()
    studies.close_study(rated.study, None)
    report = page.get(reverse("results", args=[rated.study.slug])).context["report"]
    assert "67.3" in report  # mean of 70, 62 and 70: nobody is out


def test_downloads_equal_the_command_line(page, closed):
    for table in ("ratings", "sessions"):
        response = page.get(reverse("download", args=[closed.study.slug, table]))
        assert response["Content-Disposition"] == f'attachment; filename="speech-{table}.csv"'
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        out = io.StringIO()
        call_command("export_results", study="speech", table=table, stdout=out)
        assert b"".join(response.streaming_content).decode() == out.getvalue()


def test_the_report_is_one_file(answers):
    response = answers["html"]
    assert response["Content-Disposition"] == 'attachment; filename="speech-report.html"'
    text = response.content.decode()
    assert text.startswith("<!doctype html>")
    assert "<script" not in text
    assert 'src="http' not in text


def test_the_report_is_a_pdf_too_and_all_its_files_come_in_a_zip(answers):
    pdf, packed = answers["pdf"], answers["zip"]
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    assert packed["Content-Disposition"] == 'attachment; filename="speech-report.zip"'
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        names = set(archive.namelist())
        assert {"report.html", "report.pdf", "tests.json", "conditions.csv", "methods.txt"} <= names
        assert {"figures/means.svg", "figures/means.pdf", "tables/table-01.csv", "tables/table-01.tex"} <= names
        assert archive.read("report.pdf") == pdf.content


def test_there_are_no_other_forms_of_the_report(page, closed):
    assert page.get(reverse("results", args=[closed.study.slug]) + "report.exe").status_code == 404


def test_the_report_says_how_the_study_was_made_and_tests_its_margin(answers):
    report = answers["page"].context["report"]
    for words in (
        "signals in places, drawn for each rater anew",
        f"−{-answers['loudness']:g} LUFS",
        "Headphones were not tested for",
    ):
        assert words in report
    assert "No margin was fixed" not in report
    assert "Primary claim. Not shown: Opus 12 kbps is not worse than Reference by more than 7 points (" in report


def test_a_study_closed_without_ratings_says_so(page, opened):
    studies.close_study(opened, None)
    assert NOBODY in text_of(page, opened)
    response = page.get(reverse("report_file", args=[opened.slug, "html"]), follow=True)
    assert NOBODY in response.content.decode()
    ratings = b"".join(page.get(reverse("download", args=[opened.slug, "ratings"])).streaming_content).decode()
    assert len(list(csv.reader(io.StringIO(ratings)))) == 1


def test_there_are_no_other_tables(page, closed):
    assert page.get(reverse("download", args=[closed.study.slug, "tokens"])).status_code == 404

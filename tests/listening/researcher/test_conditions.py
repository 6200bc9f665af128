import re

import pytest
from django.urls import reverse

from audiocodecs.registry import parse_spec
from listening import studies
from listening.models import Condition, Study
from listening.models.study import MAX_SIGNALS
from listening.presets import PRESETS

ANCHORED = ["reference", "lowpass@7000", "lowpass@3500"]


def address(study):
    return reverse("conditions", args=[study.slug])


def save(page, study, *specs):
    return page.post(address(study), {"specs": [*ANCHORED, *specs]})


def box(text, spec):
    return re.search(rf'<input type="checkbox"\s+name="specs"\s+value="{re.escape(spec)}"[^>]*>', text)[0]


def test_what_is_ticked_becomes_the_conditions(page, draft):
    assert save(page, draft, "opus@6", "mp3@64").status_code == 302
    assert list(draft.conditions.values_list("spec", flat=True)) == [*ANCHORED, "opus@6", "mp3@64"]


def test_the_matrix_shows_what_is_chosen(page, draft):
    text = page.get(address(draft)).content.decode()
    assert "checked" in box(text, "opus@12")
    assert "checked" not in box(text, "opus@6")
    assert "checked" in box(text, "lowpass@7000")
    assert '<span id="count">4</span> of 12' in text


def test_every_box_says_codec_and_rate_to_who_cannot_see_the_grid(page, draft):
    text = page.get(address(draft)).content.decode()
    label = re.search(r'value="opus@6".*?</label>', text, re.DOTALL)[0]
    words = re.sub(r"<[^>]+>", " ", label).split()
    assert words[-3:] == ["Opus", "6", "kbps"]


def test_a_codec_that_cannot_run_is_shown_with_reason_and_remedy(page, draft):
    text = page.get(address(draft)).content.decode()
    assert "disabled" in box(text, "evs@9.6")
    assert 'aria-describedby="why-evs"' in box(text, "evs@9.6")
    why = text[text.index('id="why-evs"') :]
    why = why[: why.index("</div>")]
    assert "EVS_ENCODER is not set" in why
    assert "set EVS_ENCODER and EVS_DECODER to the two programs" in why


def test_a_mono_codec_in_a_stereo_study_says_so(page, researcher):
    study = studies.create_study(researcher, "Stereo", channels=2)
    text = page.get(address(study)).content.decode()
    assert "disabled" in box(text, "lyra@6")
    assert "Lyra v2 carries mono only; this study is stereo. Make a mono study for it." in text


def test_more_than_twelve_signals_are_refused_and_the_ticks_kept(page, draft):
    specs = [f"opus@{rate}" for rate in (6, 8, 12, 16, 24, 32, 48, 64, 96, 128)]
    response = save(page, draft, *specs)
    assert response.status_code == 422
    text = response.content.decode()
    assert "13 signals are too many" in text
    assert all("checked" in box(text, spec) for spec in specs)
    assert draft.conditions.count() == 4


@pytest.mark.parametrize("spec", ["opus@5", "flac", "../x", "opus@12:speed=9", "", "evs@9.6"])
def test_a_forged_condition_is_refused(page, draft, spec):
    assert save(page, draft, spec).status_code == 422
    assert draft.conditions.count() == 4


def test_a_trial_keeps_its_hidden_reference(page, draft):
    response = page.post(address(draft), {"specs": ["opus@6"]})
    assert response.status_code == 422
    assert draft.conditions.filter(role=Condition.Role.HIDDEN_REFERENCE).exists()


def test_a_tick_that_stays_keeps_options_and_weights_as_they_were_fixed(page, draft):
    studies.set_conditions(draft, [*ANCHORED, "opus@12:application=voip", "lyra@6"])
    before = set(draft.conditions.values_list("pk", "spec", "weights"))
    page.post(address(draft), {"specs": ["reference", *ticked(page, draft)]})
    assert set(draft.conditions.values_list("pk", "spec", "weights")) == before


def ticked(page, study):
    return ticked_in(page.get(address(study)).content.decode())


def ticked_in(text):
    return re.findall(r'<input type="checkbox"\s+name="specs"\s+value="([^"]*)"[^>]*\schecked', text)


@pytest.mark.parametrize(
    ("variant", "kbps", "spec", "words"),
    [
        ("opus", "20", "opus@20", "Opus 20 kbps is added."),
        ("opus:application=voip", "13,5", "opus@13.5:application=voip", "Opus 13.5 kbps, application voip is added."),
    ],
)
def test_another_rate_is_added_and_stays_when_the_ticks_are_saved(page, draft, variant, kbps, spec, words):
    response = page.post(address(draft), {"variant": variant, "kbps": kbps}, follow=True)
    assert words in response.content.decode()
    assert draft.conditions.filter(spec=spec).exists()
    save(page, draft, *ticked(page, draft))
    assert draft.conditions.filter(spec=spec).exists()
    assert draft.conditions.count() == 5


def test_lost_packets_are_added_beside_the_codec_without_them_and_can_be_taken_away_again(page, draft):
    save(page, draft, *ticked(page, draft), "opus@16")
    given = {"variant": "opus", "kbps": "16", "loss": "5", "burst": "2,5", "seed": ""}
    response = page.post(address(draft), given, follow=True)
    assert "Opus 16 kbps, 5% packet loss in bursts of 2.5 is added." in response.content.decode()
    spec = "opus@16:burst=2.5:loss=5"
    assert {"opus@16", spec} <= set(ticked(page, draft))
    save(page, draft, *ticked(page, draft))
    assert draft.conditions.filter(spec__in=("opus@16", spec)).count() == 2
    save(page, draft, *(one for one in ticked(page, draft) if one != spec))
    assert "opus@16" in ticked(page, draft)
    assert not draft.conditions.filter(spec=spec).exists()


def test_a_seed_is_taken_as_it_was_typed_and_the_same_loss_is_added_once(page, draft):
    given = {"variant": "opus", "kbps": "16", "loss": "5"}
    for seed in ("", "1", " 1234567"):
        page.post(address(draft), {**given, "seed": seed})
    specs = set(draft.conditions.filter(spec__startswith="opus@16").values_list("spec", flat=True))
    assert specs == {"opus@16:loss=5", "opus@16:loss=5:seed=1234567"}


def test_two_codecs_in_a_row_are_one_condition(page, draft):
    given = {"first": "opus", "first_kbps": "12", "then": "amrnb", "then_kbps": "12,2"}
    response = page.post(address(draft), given, follow=True)
    assert "Opus 12 kbps, then AMR-NB 12.2 kbps is added." in response.content.decode()
    spec = "tandem:first=opus@12:then=amrnb@12.2"
    assert spec in ticked(page, draft)
    save(page, draft, *(one for one in ticked(page, draft) if one != spec))
    assert not draft.conditions.filter(spec=spec).exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"variant": "mp3", "kbps": "64", "loss": "5"}, "MP3 has no packets that can be lost"),
        ({"variant": "opus", "kbps": "16", "loss": "70"}, "loss=70 is not possible"),
        ({"variant": "opus", "kbps": "16", "burst": "2"}, "but no loss"),
        (
            {"variant": "opus:application=voip", "kbps": "16.5", "loss": "12.34", "burst": "12.345", "seed": "999999"},
            "is too long for a condition: at most 80 characters",
        ),
        ({"first": "opus", "first_kbps": "12", "then": "amrnb", "then_kbps": "99"}, "amrnb@99 is not offered"),
        ({"first": "opus", "first_kbps": "", "then": "amrnb", "then_kbps": "5.9"}, "is not a codec spec"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_and_what_was_typed_stays(page, draft, given, words):
    before = ticked(page, draft)
    response = page.post(address(draft), given)
    text = response.content.decode()
    assert response.status_code == 422
    assert words in text
    assert draft.conditions.count() == 4
    assert ticked_in(text) == before
    assert {name: typed(text, name) for name in given} == given


def test_a_tandem_with_a_codec_for_other_channels_is_refused(page, draft):
    given = {"first": "opus", "first_kbps": "12", "then": "spectral_48khz", "then_kbps": "12"}
    assert "carries stereo only" in page.post(address(draft), given).content.decode()
    assert draft.conditions.count() == 4


def typed(text, name):
    """Value of a field in a page: what an input holds or a select has chosen."""
    if chosen := re.search(rf'<select [^>]*name="{name}"(.*?)</select>', text, re.DOTALL):
        return re.search(r'<option value="([^"]*)"\s+selected', chosen[1])[1]
    return re.search(rf'<input [^>]*[ \n]name="{name}"\s+value="([^"]*)"', text.split('id="variants-heading"')[1])[1]


@pytest.mark.parametrize(
    ("variant", "kbps", "words"),
    [
        ("opus", "fast", "&#x27;opus@fast&#x27; is not a codec spec. Write for example opus@12"),
        ("opus", "", "is not a codec spec"),
        ("opus", "5", "opus@5 is not offered. Opus has any rate from 6 to 256 kbps"),
        ("mp3:application=voip", "64", "mp3 has no option"),
        ("gone", "6", "There is no codec &#x27;gone&#x27;"),
    ],
)
def test_a_rate_that_a_codec_does_not_have_is_refused_with_those_that_it_has(page, draft, variant, kbps, words):
    response = page.post(address(draft), {"variant": variant, "kbps": kbps}, follow=True)
    assert words in response.content.decode()
    assert draft.conditions.count() == 4


def test_the_weights_of_a_neural_codec_are_named(page, draft):
    save(page, draft, "lyra@6")
    weights = draft.conditions.get(spec__startswith="lyra").weights
    assert f"weights: {weights}" in page.get(address(draft)).content.decode()


def test_the_conditions_of_an_open_study_are_shown_and_fixed(page, opened):
    text = page.get(address(opened)).content.decode()
    assert "The conditions are fixed since the study opened" in text
    assert "Save the conditions" not in text
    assert len(re.findall(r"<fieldset[^>]* disabled>", text)) == text.count("<fieldset") == 2
    response = save(page, opened, "opus@6")
    assert "its conditions are fixed" in response.content.decode()
    assert opened.conditions.filter(spec="opus@12").exists()


def test_a_preset_sets_the_conditions_of_a_known_test_and_names_what_cannot_run_here(page, draft):
    text = page.get(address(draft)).content.decode()
    assert "Speech as in the EnCodec paper" in text
    assert "arXiv 2210.13438), table 1" in text
    assert "against MP3" not in text  # the study is mono
    answer = page.post(address(draft), {"preset": "encodec-speech"}, follow=True)
    chosen = list(draft.conditions.values_list("spec", flat=True))
    assert chosen[:3] == ANCHORED
    assert {"opus@6", "opus@12", "lyra@3.2", "lyra@6"} < set(chosen)
    neural = [spec for spec in chosen if "24khz" in spec]
    assert [parse_spec(spec).value for spec in neural] == [1.5, 3, 6, 12]
    assert "Left out: EVS 9.6 kbps." in answer.content.decode()
    assert len(chosen) == 11


def test_a_preset_for_other_channels_or_of_no_known_name_is_refused(page, draft):
    before = list(draft.conditions.values_list("spec", flat=True))
    for name in ("music-mp3", "nonsense"):
        answer = page.post(address(draft), {"preset": name}, follow=True)
        assert "This study has no such preset." in answer.content.decode()
    assert list(draft.conditions.values_list("spec", flat=True)) == before


def test_an_open_study_offers_no_preset_and_takes_none(page, draft):
    Study.objects.filter(pk=draft.pk).update(state=Study.State.OPEN)
    before = list(draft.conditions.values_list("spec", flat=True))
    assert "Start from a known test" not in page.get(address(draft)).content.decode()
    answer = page.post(address(draft), {"preset": "encodec-speech"}, follow=True)
    assert "its conditions are fixed" in answer.content.decode()
    assert list(draft.conditions.values_list("spec", flat=True)) == before


def test_every_preset_fits_one_trial_and_has_its_reference_and_anchors():
    for each in PRESETS:
        assert set(ANCHORED) < set(each.specs)
        assert len(each.specs) <= MAX_SIGNALS
        assert "arXiv" in each.source

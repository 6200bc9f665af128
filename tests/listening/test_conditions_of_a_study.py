"""Which conditions a study may have, and what becomes of their names."""

import pytest

from audiocodecs import registry
from listening import studies
from listening.models import Condition
from listening.objections import objections


def test_the_neural_codec_is_resolved_and_keeps_its_own_name(draft):
    studies.set_conditions(draft, ["reference", "neural@6"])
    condition = draft.conditions.get(role=Condition.Role.SYSTEM)
    assert condition.spec == "spectral_24khz@6"
    assert condition.weights
    assert condition.weights in studies.neural_note(draft)


def test_weights_outside_the_model_folder_are_not_opened(draft):
    with pytest.raises(studies.StudyError, match="model folder"):
        studies.set_conditions(draft, ["reference", "encodec_24khz@6:weights=/etc/passwd"])


@pytest.mark.parametrize("spec", ["opus", "opus@3", "opus@12:speed=9", "flac@64", "", "opus@12:application"])
def test_an_unknown_spec_is_refused_with_what_there_is(draft, spec):
    with pytest.raises(studies.StudyError):
        studies.set_conditions(draft, ["reference", spec])
    assert draft.conditions.count() == 4


def test_a_trial_without_the_hidden_reference_is_refused(draft):
    with pytest.raises(studies.StudyError, match="hidden reference"):
        studies.set_conditions(draft, ["opus@12"])


def test_a_thirteenth_signal_is_refused_with_the_rule(draft):
    specs = [
        "reference",
        "lowpass@7000",
        "lowpass@3500",
        *(f"opus@{k}" for k in (6, 8, 12, 16, 24, 32, 48, 64, 96, 128)),
    ]
    with pytest.raises(studies.StudyError, match="13 signals are too many.*12"):
        studies.set_conditions(draft, specs)


def test_a_mono_codec_is_not_offered_to_a_stereo_study_and_says_why(researcher):
    study = studies.create_study(researcher, "Music", channels=2)
    row = next(row for row in studies.matrix(study) if row.name == "lyra")
    assert all("mono only" in cell.reason for cell in row.offers)
    with pytest.raises(studies.StudyError, match="mono only"):
        studies.set_conditions(study, ["reference", "lyra@6"])


def test_the_neural_codec_of_a_stereo_study_is_one_for_stereo(researcher, monkeypatch, tmp_path):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    monkeypatch.setitem(registry.NEURAL_CODECS, 2, ("encodec_48khz", "opus"))  # Opus in place of a second neural one
    study = studies.create_study(researcher, "Music", channels=2)
    studies.set_conditions(study, ["reference", "neural@6"])
    assert study.conditions.get(role=Condition.Role.SYSTEM).spec == "opus@6"


def test_encodec_at_48_khz_is_offered_to_stereo_and_mono_studies_with_what_it_lacks(researcher, monkeypatch, tmp_path):
    monkeypatch.setenv("ENCODEC_MODEL_DIR", str(tmp_path))
    for channels, other in ((2, "mono"), (1, "stereo")):
        study = studies.create_study(researcher, f"Music {channels}", channels=channels)
        rows = {row.name: row for row in studies.matrix(study)}
        cells = rows["encodec_48khz"].offers
        assert [cell.value for cell in cells] == [3, 6, 12, 24]
        assert all("encodec_48khz-7e698e3e.th" in cell.reason and "make models" in cell.remedy for cell in cells)
        assert rows["encodec_48khz"].title != rows["encodec_24khz"].title
        reasons = {cell.reason for row in rows.values() for cell in row.offers if " only; " in cell.reason}
        assert all(f"carries {other} only" in reason for reason in reasons)


def test_anchors_and_reference_get_their_roles(draft):
    roles = dict(draft.conditions.values_list("spec", "role"))
    assert roles == {
        "reference": "hidden_reference",
        "lowpass@7000": "mid_anchor",
        "lowpass@3500": "low_anchor",
        "opus@12": "system",
    }


def test_conditions_of_an_open_study_are_fixed(opened):
    with pytest.raises(studies.StudyError, match="fixed"):
        studies.set_conditions(opened, ["reference", "opus@6"])


def test_missing_anchors_and_too_few_clips_are_cautioned(draft):
    studies.set_conditions(draft, ["reference", "opus@12"])
    text = " ".join(objections(draft))
    assert "3.5 kHz" in text
    assert "7 kHz" in text
    assert "at least 5" in text

"""Configurations of webMUSHRA, written after its documented format, as studies."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from django.core.management import CommandError, call_command

from listening import rendering, studies
from listening.models import Rendering, Session, Study, SuppliedFile
from tests.conftest import CLIPS
from tests.listening.files.conftest import rate

DEFAULT = """
testname: Three systems on talks
testId: three_systems
bufferSize: 2048
stopOnErrors: true
showButtonPreviousPage: true
remoteService: service/write.php
pages:
  - {type: generic, id: first, name: Welcome, content: "<h2>Welcome</h2><p>Please put on &amp; adjust headphones.</p>"}
  - {type: volume, id: vol, name: Volume, content: Set it, stimulus: configs/resources/talk_ref.wav, defaultVolume: 0.5}
  - type: mushra
    id: trial1
    name: Talk
    content: Rate them
    showWaveform: true
    enableLooping: true
    reference: configs/resources/talk_ref.wav
    createAnchor35: true
    createAnchor70: true
    stimuli: {C1: configs/resources/talk_c1.wav, C2: configs/resources/talk_c2.wav}
  - - random
    - {type: mushra, id: r1, name: Again, reference: configs/resources/talk_ref.wav, createAnchor35: true,
       stimuli: {C1: configs/resources/talk_c1.wav, C2: configs/resources/talk_c2.wav}}
    - {type: mushra, id: r2, name: Song, reference: configs/resources/song_ref.wav, createAnchor35: true,
       stimuli: {C2: configs/resources/song_c2.wav, C1: configs/resources/song_c1.wav}}
  - type: finish
    name: Thank you
    content: Thanks a lot
    showResults: true
    writeResults: true
    questionnaire:
      - {type: text, label: eMail, name: email}
      - {type: number, label: Age, name: age, min: 18, max: 99, default: 30}
      - {type: likert, label: Gender, name: gender, response: [{value: f, label: female}, {value: m, label: male}]}
      - {type: long_text, label: Comments, name: comments, optional: true}
"""

MIXED = """
testname: With other pages
testId: mixed
language: de
pages:
  - {type: consent, id: c, name: Consent, content: "Sie stimmen zu.<br>Danke.", mustConsent: true}
  - {type: likert_single_stimulus, id: l1, name: Nice or not, stimuli: {C1: configs/resources/talk_c1.wav}}
  - {type: mushra, id: t, name: Talk, reference: configs/resources/talk_ref.wav, createAnchor35: false,
     showConditionNames: true, strict: false, randomize: false, switchBack: true,
     stimuli: {mine: configs/resources/talk_c1.wav, anchor35: configs/resources/talk_c2.wav}}
  - {type: bs1116, id: b, name: Hidden reference, reference: configs/resources/talk_ref.wav}
  - - random
    - {type: spatial_localization, id: s, name: Where}
    - - {type: mushra, id: u, name: Song, reference: configs/resources/song_ref.wav,
         stimuli: {mine: configs/resources/song_c1.wav, anchor35: configs/resources/song_c2.wav}}
  - {type: finish, name: End, questionnaire: [{type: slider, name: x, label: How much}]}
"""

NO_LOOP = """
testname: Without loops
testId: no_loop
pages:
  - - random
    - {type: mushra, id: t, name: Talk, enableLooping: false, reference: configs/resources/talk_ref.wav,
       createAnchor70: true, stimuli: {C1: configs/resources/talk_c1.wav}}
    - {type: paired_comparison, id: p, name: Which, reference: configs/resources/song_ref.wav}
    - {type: mushra, id: u, name: Song, enableLooping: false, reference: configs/resources/song_ref.wav,
       stimuli: {C1: configs/resources/song_c1.wav}}
  - {type: finish, name: End}
"""

NOTHING = """
testname: Pairs only
pages: [{type: paired_comparison, id: p, name: Which}, {type: finish, name: End}]
"""


@pytest.fixture
def webmushra(tmp_path, researcher):
    """A folder like webMUSHRA's, with tiny sounds: two references, two systems of each."""
    resources = tmp_path / "configs" / "resources"
    resources.mkdir(parents=True)
    draw = np.random.default_rng(7)
    for name, source in (("talk", "speech_en_prompts"), ("song", "speech_ga_words")):
        data, hertz = soundfile.read(CLIPS / f"{source}.flac", always_2d=True)
        data = data[hertz : 2 * hertz, :1]
        soundfile.write(resources / f"{name}_ref.wav", data, hertz)
        for n, level in ((1, 0.003), (2, 0.02)):
            soundfile.write(resources / f"{name}_c{n}.wav", data + level * draw.standard_normal(data.shape), hertz)
    return tmp_path


def load(webmushra, text, **options):
    (webmushra / "configs" / "test.yaml").write_text(text)
    out, said = io.StringIO(), io.StringIO()
    call_command("import_webmushra", webmushra / "configs" / "test.yaml", stdout=out, stderr=said, **options)
    return out.getvalue() + said.getvalue()


def refused(webmushra, text, **options):
    with pytest.raises(CommandError) as fault:
        load(webmushra, text, **options)
    assert not Study.objects.exists()
    return str(fault.value)


def run(slug):
    """Render the study, open it, and send a rater through."""
    study = Study.objects.get(slug=slug)
    studies.start_rendering(study)
    for row in studies.progress(study).rows:
        rendering.render(row.pk)
    studies.open_study(study, study.owner)
    assert set(Rendering.objects.values_list("state", flat=True)) == {"done"}
    return rate(study, 1)


def test_a_configuration_like_the_default_one_becomes_a_study(webmushra):
    said = load(webmushra, DEFAULT)
    study = Study.objects.get(slug="three_systems")
    assert (study.title, study.rate, study.channels) == ("Three systems on talks", 48000, 1)
    assert [clip.name for clip in study.clips.all()] == ["Talk", "Song"]
    assert [(each.title, each.role) for each in study.conditions.all()] == [
        ("Reference", "hidden_reference"),
        ("Low-pass 3.5 kHz", "low_anchor"),
        ("Low-pass 7 kHz", "mid_anchor"),
        ("C1", "system"),
        ("C2", "system"),
    ]
    assert study.instructions_text == "Welcome\nPlease put on & adjust headphones."
    way = study.protocol
    assert (way.level, way.repeats, way.texts["en"].ending) == (True, 1, "Thanks a lot")
    assert [(each.kind, each.name, each.optional) for each in way.questionnaires[0].questions] == [
        ("text", "email", False),
        ("number", "age", False),
        ("choice", "gender", False),
        ("text", "comments", True),
    ]
    assert (way.questionnaires[0].questions[1].least, way.questionnaires[0].at) == (18, "end")
    songs = SuppliedFile.objects.filter(clip__name="Song").order_by("condition__position")
    assert [file.name for file in songs] == ["song_c1.wav", "song_c2.wav"]
    for note in (
        "Pages with the sounds of an earlier one: 1. So many come twice, drawn for each rater: 1.",
        "Every clip has the anchor lowpass@7000, also those whose pages did not ask for it.",
        "showButtonPreviousPage is not followed",
        "Ratings are kept here, not sent to remoteService.",
        "showResults is not followed",
        "brought to -23 LUFS",
        "showWaveform is not followed",
    ):
        assert note in said


def test_its_raters_hear_three_pages_and_answer_the_questions(webmushra):
    load(
        webmushra, DEFAULT.replace("label: eMail", "optional: true, label: eMail").replace("min: 18", "optional: true")
    )
    text = Study.objects.get().raters_way["questionnaires"][0]["questions"]
    for question in text:
        question["optional"] = True
    Study.objects.update(raters_way={"questionnaires": [{"name": "w", "questions": text}], "repeats": 1})
    session = run("three_systems")
    assert session.state == Session.State.FINISHED
    assert session.trials.filter(training=False).count() == 3
    assert session.answers.count() == 4


def test_pages_of_other_kinds_are_named_and_the_rest_runs(webmushra):
    said = load(webmushra, MIXED)
    left = next(line for line in said.splitlines() if line.startswith("Left out"))
    for page in (
        "“Nice or not” (likert_single_stimulus)",
        "“Hidden reference” (bs1116)",
        "“Where” (spatial_localization)",
    ):
        assert page in left
    assert "the question “How much” (slider)" in left
    for note in (
        "Names of conditions are never shown here: the test is blind.",
        "strict: false is not followed",
        "randomize: false is not followed",
        "switchBack is not followed",
    ):
        assert note in said
    study = Study.objects.get(slug="mixed")
    assert study.consent_text == "Sie stimmen zu.\nDanke."
    assert study.protocol.language == "de"
    assert [(each.title, each.role) for each in study.conditions.all()] == [
        ("Reference", "hidden_reference"),
        ("mine", "system"),
        ("anchor35", "low_anchor"),
    ]
    assert run("mixed").state == Session.State.FINISHED


def test_a_configuration_without_loops_runs(webmushra):
    said = load(webmushra, NO_LOOP)
    assert "Looping can't be switched off here" in said
    assert "“Which” (paired_comparison)" in said
    assert run("no_loop").state == Session.State.FINISHED


def test_a_configuration_without_a_page_of_mushra_is_refused(webmushra):
    assert "no page of the type mushra" in (said := refused(webmushra, NOTHING))
    assert "“Which” (paired_comparison)" in said


def test_pages_with_other_stimuli_than_most_are_left_out(webmushra):
    page = "{type: mushra, id: x, name: Odd, reference: configs/resources/song_ref.wav, stimuli: {C9: x.wav}}"
    said = refused(webmushra, NO_LOOP.replace("    - {type: paired", f"    - {page}\n    - {{type: paired"))
    assert "“Odd”: there is no file x.wav" in said
    there = page.replace("x.wav", "configs/resources/song_c2.wav")
    said = load(webmushra, NO_LOOP.replace("    - {type: paired", f"    - {there}\n    - {{type: paired"))
    assert "“Odd” (its stimuli are not C1 as on most pages)" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("talk_c1.wav", "../../../../../../etc/passwd"), "lies outside of"),
        (("talk_c1.wav", "none.wav"), "there is no file configs/resources/none.wav"),
        (("talk_ref.wav", "none.wav"), "with --root"),
        (("stimuli: {C1: configs/resources/talk_c1.wav}", "stimuli: [C1]"), "has a reference and stimuli"),
        (("stimuli: {C1: configs/resources/talk_c1.wav}", "stimuli: {C1: [a]}"), "a name with one path"),
        (("pages:", "seiten:"), "no list of pages"),
        (("testname: Without loops", "testname: [Without"), "this is not YAML"),
        (("pages:", "pages:\n  - 7"), "7 is no page"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_said_and_nothing_made(change, words, webmushra):
    assert words in refused(webmushra, NO_LOOP.replace(*change))


def test_the_folder_of_webmushra_can_be_named(webmushra, tmp_path):
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "test.yaml").write_text(NO_LOOP)
    with pytest.raises(CommandError, match="Name the folder that the paths begin in"):
        call_command("import_webmushra", elsewhere / "test.yaml")
    call_command(
        "import_webmushra", elsewhere / "test.yaml", root=webmushra, stdout=io.StringIO(), stderr=io.StringIO()
    )
    assert Study.objects.count() == 1


def test_an_unquoted_value_may_hold_a_colon_as_in_webmushra_s_own_example(researcher, capsys):
    folder = Path(__file__).parents[2] / "data" / "webmushra"
    call_command("import_webmushra", folder / "colon_in_text.yaml", owner="ada")
    study = Study.objects.get()
    assert (study.title, study.clips.count()) == ("Colon in a text", 1)
    assert set(study.conditions.values_list("title", flat=True)) >= {"C1"}
    assert "colon_in_text: 1 clip, 4 conditions." in capsys.readouterr().out

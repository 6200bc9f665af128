"""Conditions that are a program of this machine."""

import sys

import pytest
from django.urls import reverse

from listening import checks, commands, rendering, studies
from listening.archive.tables import BY_NAME, decoded
from listening.clips import ClipError
from listening.models import Rendering, Study

HALF = """
data = open(sys.argv[1], "rb").read()
if len(sys.argv) > 3 and sys.argv[3] == "broken":
    sys.exit("the tables are missing")
open(sys.argv[2], "wb").write(data)
"""


@pytest.fixture
def allowed(tmp_path, settings):
    """The operator allows one program, which copies."""
    path = tmp_path / "mycodec"
    path.write_text(f"#!{sys.executable} -IS\nimport sys\n{HALF}\n")
    path.chmod(0o755)
    settings.CODEC_PROGRAMS = [str(path)]
    return path


@pytest.fixture
def page(client, researcher):
    client.force_login(researcher)
    return client


def given(page, study, encode, decode="", kbps="", title="My codec"):
    form = {"title": title, "kbps": kbps, "encode_command": encode, "decode_command": decode}
    return page.post(reverse("conditions", args=[study.slug]), form, follow=True)


def rendered(study) -> list[Rendering]:
    studies.start_rendering(study)
    for row in studies.progress(study).rows:
        rendering.render(row.pk)
    studies.settle(study)
    return list(Rendering.objects.filter(clip__study=study, condition__spec__startswith="command"))


def test_it_is_off_until_the_operator_names_programs(page, draft):
    assert "command line" not in page.get(reverse("conditions", args=[draft.slug])).content.decode()
    answer = given(page, draft, "mycodec {input} {output}")
    assert "The program &#x27;mycodec&#x27; is not allowed here. Allowed: none." in answer.content.decode()
    assert not draft.conditions.filter(title="My codec").exists()


def test_a_pair_of_commands_is_rendered_like_any_codec_and_its_bitrate_measured(page, draft, allowed):
    text = given(page, draft, "mycodec {input} {output}.bin", "mycodec {input} {output}.wav", "768").content.decode()
    assert "My codec is added." in text
    condition = draft.conditions.get(title="My codec")
    assert condition.spec == "command@768:name=my-codec"
    rows = rendered(draft)
    assert [(row.state, row.error) for row in rows] == [("done", "")] * 2
    assert rows[0].stimulus_sha256 == rows[0].clip.reference_sha256
    assert rows[0].kbps == pytest.approx(768, rel=0.01)
    assert draft.state == Study.State.READY
    assert studies.neural_note(draft) == ""


def test_a_failure_has_the_programs_own_words(draft, allowed):
    commands.add_condition(draft, "My codec", "mycodec {input} {output} broken")
    rows = rendered(draft)
    assert {row.state for row in rows} == {"failed"}
    assert rows[0].error == "mycodec ended with 1. It said: the tables are missing"
    assert draft.state == Study.State.DRAFT


def test_a_wrong_line_is_said_and_what_was_typed_stays(page, draft, allowed):
    answer = given(page, draft, "mycodec /etc/passwd {output}")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "no paths" in text
    assert 'value="mycodec /etc/passwd {output}"' in text


def test_a_program_taken_off_the_list_stands_in_the_way_and_is_not_run(draft, allowed, settings):
    commands.add_condition(draft, "My codec", "mycodec {input} {output}.wav")
    settings.CODEC_PROGRAMS = []
    assert any(
        "My codec can't run here: The program 'mycodec' is not allowed" in each for each in studies.problems(draft)
    )
    row = Rendering.objects.create(clip=draft.clips.first(), condition=draft.conditions.get(title="My codec"))
    assert rendering.render(row.pk).error.startswith("The program 'mycodec' is not allowed here.")


def test_ticks_of_other_codecs_leave_it_where_it_is(page, draft, allowed):
    made = commands.add_condition(draft, "My codec", "mycodec {input} {output}.wav")
    page.post(reverse("conditions", args=[draft.slug]), {"specs": ["reference", "opus@24", made.spec]})
    made.refresh_from_db()
    assert made.encode_command == "mycodec {input} {output}.wav"
    assert set(draft.conditions.values_list("spec", flat=True)) == {"reference", "opus@24", made.spec}


def test_two_of_one_name_are_refused(draft, allowed):
    commands.add_condition(draft, "My codec", "mycodec {input} {output}.wav")
    with pytest.raises(ClipError, match="Two conditions"):
        commands.add_condition(draft, "My codec", "mycodec {input} {output}.wav")


def test_a_study_file_of_an_earlier_version_has_no_command_lines():
    row = {"id": 1, "spec": "opus@12", "title": "Opus 12 kbps", "role": "system", "weights": ""}
    assert decoded(BY_NAME["conditions"], row, "conditions")["encode_command"] == ""


def test_the_system_check_names_programs_that_are_missing(settings):
    settings.CODEC_PROGRAMS = ["/nowhere/mycodec"]
    assert "/nowhere/mycodec" in checks.unconfined_programs()[0].msg

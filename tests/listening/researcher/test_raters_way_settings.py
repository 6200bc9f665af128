"""What a study wants of its raters, filled in on a page, as YAML and on the command line."""

import html
import io
import re
from html.parser import HTMLParser

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from listening import protocol, studies
from listening.models import Answer, AuditLine, Study
from listening.planning import minutes_of
from listening.protocol import Protocol

WHOLE = """
language: en
languages: [en, fr]
texts:
  fr: {consent: "D'accord ?", instructions: Écoutez., ending: Merci.}
consent: {version: '3', contact: ada@example.org, kept_months: 24}
level: true
headphones: {tests: [huggins, antiphase], huggins_passes_with: 4, attempts: 2, failing: go_on}
design:
  clips_per_rater: 2
  ratings_per_stimulus: 20
  when_full: let_in
  give_back_minutes: 45
  panels: [students, staff]
training: {pages: 2, clips: [speech_ga_words, gone]}
rating: {input: numbers, comments: true}
rules: {share_heard: 0.5, all_rated: false, one_at_100: true, only_playing: true, least_seconds: 7.5}
repeats: 1
attention: 2
pause: {after_minutes: 15}
identity: {names: [PROLIFIC_PID, STUDY_ID], required: true, one_attempt: true}
ends:
  completed: {code: C1, url: 'https://panel.example/?cc={code}'}
  screened_out: {code: S1}
  timed_out: {url: 'https://panel.example/late'}
  full: {code: F1, url: 'https://panel.example/full'}
time_limit_minutes: 45
questionnaires:
  - {ready: equipment, at: start}
  - name: tired
    at: between
    every: 3
    title: {en: A moment, fr: Un instant}
    intro: Please answer.
    questions:
      - kind: likert
        name: tired
        text: {en: Tired, fr: Fatigue}
        points: 7
        low: {en: "No", fr: Non}
        high: Very
        optional: true
      - {kind: number, name: n, text: How many, least: -1.5, most: 1234567, unit: times, help: Guess}
      - {kind: text, name: t, text: Say it, longest: 200}
      - kind: choice
        name: c
        text: Which
        several: true
        options:
          - {value: one, text: {en: The first, fr: Le premier}}
          - {value: two, text: {en: Two, fr: Deux}}
          - {value: a-b, text: {en: a=b, fr: a=b}}
"""


def address(study):
    return reverse("raters_way", args=[study.slug])


class Form(HTMLParser):
    """Fields of the form "way" as a browser would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inside = False
        self.fields: dict[str, list[str]] = {}
        self.area = ""
        self.select = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "form":
            self.inside = found.get("id") == "way"
        if not self.inside:
            return
        name, kind = found.get("name", ""), found.get("type")
        if tag == "textarea":
            self.area = name
            self.fields[name] = [""]
        elif tag == "select":
            self.select = name
        elif tag == "option" and "selected" in found:
            self.fields[self.select] = [found["value"]]
        elif tag == "input" and name != "csrfmiddlewaretoken" and (kind != "checkbox" or "checked" in found):
            self.fields.setdefault(name, []).append(found.get("value", "on"))

    def handle_data(self, data):
        if self.area:
            self.fields[self.area][0] += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self.area:
            self.fields[self.area][0] = self.fields[self.area][0].removeprefix("\n")
            self.area = ""


def fields_of(response) -> dict[str, list[str]]:
    return Form(response.content.decode()).fields


def wants(study, text):
    study.protocol = protocol.read_yaml(text)
    study.save()


def saved():
    return Study.objects.get().protocol


def test_the_page_of_a_new_study_saves_every_default(page, draft):
    response = page.get(address(draft))
    assert response.status_code == 200
    answer = page.post(address(draft), fields_of(response))
    assert answer.status_code == 302, answer.context["faults"]
    assert Study.objects.get().raters_way == {}


def test_whatever_a_protocol_says_the_page_shows_and_saves_unchanged(page, draft):
    wants(draft, WHOLE)
    before = saved()
    answer = page.post(address(draft), fields_of(page.get(address(draft))))
    assert answer.status_code == 302, answer.context["faults"]
    assert saved() == before


def test_every_setting_of_the_protocol_is_on_the_page(page, draft):
    there = set(fields_of(page.get(address(draft)))) | set(
        re.findall(r'name="([^"]+)"', page.get(address(draft)).content.decode())
    )

    def places(model, prefix=""):
        for name, info in model.model_fields.items():
            inner = info.annotation
            if isinstance(inner, type) and hasattr(inner, "model_fields"):
                yield from places(inner, f"{prefix}{name}.")
            else:
                yield prefix + name

    missing = set(places(Protocol)) - there - {"texts", "questionnaires"}
    assert missing == set()


def test_what_is_filled_in_is_saved(page, draft):
    fields = fields_of(page.get(address(draft)))
    fields |= {
        "repeats": "2",
        "rules.one_at_100": "on",
        "identity.names": "pid\r\n\r\n session ",
        "languages": ["en", "ja"],
    }
    fields |= {"texts.ja.consent": "同意します。", "pause.after_minutes": "12.5", "ends.completed.code": "C9"}
    fields |= {"training.clips": ["speech_ga_words"]}
    del fields["rules.all_rated"]
    assert page.post(address(draft), fields).status_code == 302
    found = saved()
    assert (found.repeats, found.rules.one_at_100, found.rules.all_rated) == (2, True, False)
    assert found.identity.names == ("pid", "session")
    assert found.languages == ("en", "ja")
    assert found.texts["ja"].consent == "同意します。"
    assert (found.pause.after_minutes, found.ends.completed.code) == (12.5, "C9")
    assert found.training.clips == ("speech_ga_words",)


def test_faults_are_at_their_fields_and_nothing_is_changed(page, draft):
    fields = fields_of(page.get(address(draft)))
    fields |= {"repeats": "99", "identity.names": "a b", "ends.completed.url": "panel", "consent.version": "7"}
    answer = page.post(address(draft), fields)
    assert answer.status_code == 422
    at = {setting.place: setting.faults for setting in answer.context["form"].settings if setting.faults}
    assert set(at) == {"repeats", "identity.names", "ends.completed.url"}
    text = answer.content.decode()
    for place in at:
        id_ = f"id_{place}".replace(".", "-")
        assert f'href="#{id_}"' in text
        assert f'id="{id_}"' in text
    assert 'value="99"' in text
    assert 'value="7"' in text
    assert Study.objects.get().raters_way == {}


def test_one_button_fills_in_what_prolific_wants_and_the_link_carries_its_placeholders(page, ready):
    answer = page.post(address(ready), fields_of(page.get(address(ready))) | {"do": "prolific"})
    assert "Not saved yet" in answer.content.decode()
    assert Study.objects.get().raters_way == {}
    assert page.post(address(ready), fields_of(answer)).status_code == 302
    found = saved()
    assert found.identity.names == ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
    assert (found.identity.required, found.identity.one_attempt) == (True, True)
    assert found.ends.completed.url == "https://app.prolific.com/submissions/complete?cc={code}"
    assert "Panels such as Prolific want one code for all" in page.get(address(ready)).content.decode()
    studies.open_study(ready, None)
    link = "PROLIFIC_PID={{%PROLIFIC_PID%}}&amp;STUDY_ID={{%STUDY_ID%}}&amp;SESSION_ID={{%SESSION_ID%}}"
    assert f"/t/speech/?{link}" in page.get(ready.get_absolute_url()).content.decode()


def test_a_link_that_nobody_filled_in_names_nobody(page, opened, client):
    wants(opened, "identity: {names: [PROLIFIC_PID], required: true, one_attempt: true}")
    answer = client.get(opened.invite_path + "?PROLIFIC_PID={{%PROLIFIC_PID%}}")
    assert answer.status_code == 400
    assert client.get(opened.invite_path + "?PROLIFIC_PID=5f3c").status_code == 200


def test_a_questionnaire_is_built_with_buttons_alone(page, draft):
    def press(response, do, **more):
        answer = page.post(address(draft), fields_of(response) | more | {"do": do})
        assert answer.status_code == 200
        return answer

    response = press(page.get(address(draft)), "add-equipment")
    response = press(response, "add")
    response = press(response, "add-question 1", **{"questionnaires.1.title:en": "After all"})
    response = press(response, "add-question 1")
    q = "questionnaires.1.questions"
    typed = {f"{q}.0.text:en": "How was it?", f"{q}.1.text:en": "Which?", f"{q}.2.text:en": "How was it?"}
    typed |= {
        f"{q}.1.kind": "choice",
        f"{q}.1.options:en": "Red\r\nx = Blue, of course\r\n日本",
        f"{q}.1.several": "on",
    }
    response = press(response, "up 1.1", **typed)
    response = press(response, "up 1")
    response = press(response, "remove 0.2")
    assert Study.objects.get().raters_way == {}
    assert page.post(address(draft), fields_of(response)).status_code == 302
    own, ready = saved().questionnaires
    assert (own.name, own.title, own.at) == ("after-all", "After all", "end")
    assert [(question.name, question.kind) for question in own.questions] == [
        ("which", "choice"),
        ("how-was-it", "text"),
    ]
    assert [(option.value, option.text) for option in own.questions[0].options] == [
        ("red", "Red"),
        ("x", "Blue, of course"),
        ("option-3", "日本"),
    ]
    assert (ready.name, ready.at) == ("equipment", "start")


@pytest.mark.parametrize("do", ["up 7", "remove 0.9", "add-question 4", "down", "explode", "remove -1", "up 0.0.0"])
def test_a_button_that_is_not_there_does_nothing(page, draft, do):
    wants(draft, WHOLE)
    response = page.get(address(draft))
    answer = page.post(address(draft), fields_of(response) | {"do": do})
    assert fields_of(answer) == fields_of(response)


def test_faults_of_a_questionnaire_are_at_their_fields(page, draft):
    wants(draft, WHOLE)
    fields = fields_of(page.get(address(draft)))
    q = "questionnaires.1.questions"
    fields |= {
        f"{q}.0.points": "99",
        f"{q}.1.least": "2000000",
        f"{q}.3.options:fr": "Un\nDeux",
        "questionnaires.1.every": "",
    }
    answer = page.post(address(draft), fields)
    assert answer.status_code == 422
    listed = {label: text for _, label, text in answer.context["faults"]}
    assert "less than or equal to 11" in listed["Questionnaire 2, question 1, points"]
    assert "least (2000000) is above most" in listed["Questionnaire 2, question 2"]
    assert "Français has 2 lines, and there are 3 options" in listed["Questionnaire 2, question 4, options"]
    text = answer.content.decode()
    for id_, _, _ in answer.context["faults"]:
        assert f'id="{id_}"' in text


def test_raters_way_of_an_open_study_is_shown_and_fixed(page, opened):
    wants(opened, WHOLE)
    response = page.get(address(opened))
    text = response.content.decode()
    assert "raters' way is fixed since the study opened" in text
    assert re.search(r'<fieldset class="bare"\s+disabled', text)
    assert 'name="file"' not in text
    assert page.post(address(opened), fields_of(response) | {"repeats": "5"}).status_code == 409
    assert page.post(reverse("raters_way_yaml", args=[opened.slug]), {"text": "repeats: 5"}).status_code == 409
    assert saved().repeats == 1


def test_before_opening_it_is_told_what_raters_will_get(page, ready):
    wants(ready, WHOLE)
    text = html.unescape(page.get(reverse("open_study", args=[ready.slug])).content.decode())
    for sentence in (
        "Languages offered: English, Français.",
        "Consent: version 3, contact ada@example.org, data kept for 24 months.",
        "Sound check: level setting, headphone test (Huggins pitch), headphone test (antiphase tones).",
        "Questionnaire “equipment” before the instructions.",
        "Questionnaire “tired” after every 3 pages.",
        "Each rater gets 2 of 2 clips, in balanced blocks and orders; at least 20 ratings of each stimulus: 20 raters "
        "who finish in each panel, and further ones are let in; a place is given up after 45 minutes without a sign of "
        "life; panels students, staff.",
        "5 pages to rate, with 1 repeat and 2 pages of attention. About 9 minutes per rater.",
        "No place left: code F1, then https://panel.example/full.",
        "A break every 15 minutes; 45 minutes in all.",
        "The link names raters by PROLIFIC_PID, STUDY_ID, required, one attempt each.",
        "Completed: code C1, then https://panel.example/?cc={code}.",
        "The training names the clip “gone”, which the study does not have.",
        "Français has no text for the questionnaire “tired”: its raters get another language there.",
    ):
        assert sentence in text


def test_more_clips_for_each_rater_than_there_are_is_said_before_opening(page, ready):
    wants(ready, "design: {clips_per_rater: 5}")
    fault = "Each rater is to get 5 clips, and the study has 2."
    for name in ("raters_way", "open_study"):
        assert fault in page.get(reverse(name, args=[ready.slug])).content.decode()
    answer = page.post(reverse("open_study", args=[ready.slug]), follow=True)
    assert fault in answer.content.decode()
    assert Study.objects.get().state == Study.State.READY


def test_a_study_with_panels_shows_a_link_for_each(page, opened):
    wants(opened, "design: {panels: [students, staff]}\nidentity: {names: [PROLIFIC_PID]}")
    text = html.unescape(page.get(reverse("raters", args=[opened.slug])).content.decode())
    for panel in ("students", "staff"):
        assert f"/t/speech/?PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}&panel={panel}" in text


def test_the_minutes_follow_from_pages_signals_and_questions(opened):
    def minutes(text, clips=12, signals=12, seconds=10.0):
        return minutes_of(protocol.read_yaml(text), clips, signals, seconds)

    assert minutes("{}") == 28  # 13 pages of two minutes and what is read
    assert minutes("design: {clips_per_rater: 4}") == 12
    assert minutes("design: {clips_per_rater: 4}\nrepeats: 2\nattention: 1") == 18
    assert minutes("rules: {least_seconds: 300}") == 67
    assert minutes("questionnaires: [{ready: equipment, at: start}]") > minutes("{}")


def test_it_is_downloaded_and_read_again_elsewhere(page, draft, researcher):
    wants(draft, WHOLE)
    answer = page.get(reverse("raters_way_yaml", args=[draft.slug]))
    assert answer["Content-Disposition"] == 'attachment; filename="speech-raters-way.yaml"'
    other = studies.create_study(researcher, "Other")
    file = SimpleUploadedFile("way.yaml", b"\xef\xbb\xbf" + answer.content)
    assert page.post(reverse("raters_way_yaml", args=[other.slug]), {"file": file}).status_code == 302
    other.refresh_from_db()
    assert other.protocol == protocol.read_yaml(WHOLE)


def test_pasted_text_with_faults_changes_nothing_and_stays(page, draft):
    answer = page.post(reverse("raters_way_yaml", args=[draft.slug]), {"text": "repeats: 3\r\nattention: many\r\n"})
    assert answer.status_code == 422
    text = html.unescape(answer.content.decode())
    assert "attention: a whole number" in text
    assert "repeats: 3\nattention: many\n</textarea>" in text
    assert Study.objects.get().raters_way == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "There is nothing in it"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"a: [", "not YAML"),
        (b"x" * 200_001, "200000"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(page, draft, content, words):
    answer = page.post(reverse("raters_way_yaml", args=[draft.slug]), {"file": SimpleUploadedFile("x.yaml", content)})
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_another_researcher_does_not_see_it(stranger, draft):
    assert stranger.get(address(draft)).status_code == 404
    assert stranger.get(reverse("raters_way_yaml", args=[draft.slug])).status_code == 404


def test_scripts_read_and_set_it_on_the_command_line(draft, tmp_path):
    (tmp_path / "way.yaml").write_text(WHOLE)
    call_command("protocol", "speech", set=str(tmp_path / "way.yaml"), stderr=io.StringIO())
    assert saved() == protocol.read_yaml(WHOLE)
    assert AuditLine.objects.get().what == "raters' way set on the command line"
    out = io.StringIO()
    call_command("protocol", "speech", stdout=out)
    assert protocol.read_yaml(out.getvalue()) == saved()


def test_the_command_line_says_what_is_wrong_and_changes_nothing(draft, tmp_path):
    (tmp_path / "way.yaml").write_text("repeats: 3\nattention: many")
    with pytest.raises(CommandError, match=r"Nothing was changed.\nattention: a whole number"):
        call_command("protocol", "speech", set=str(tmp_path / "way.yaml"))
    with pytest.raises(CommandError, match="can't be read"):
        call_command("protocol", "speech", set=str(tmp_path / "none.yaml"))
    with pytest.raises(CommandError, match="no study 'x'. Studies: speech"):
        call_command("protocol", "x")
    assert Study.objects.get().raters_way == {}


def test_the_command_line_does_not_change_an_open_study(opened, tmp_path):
    (tmp_path / "way.yaml").write_text("repeats: 3")
    with pytest.raises(CommandError, match="fixed"):
        call_command("protocol", "speech", set=str(tmp_path / "way.yaml"))


def test_a_questionnaire_is_seen_and_tried_as_raters_do_and_nothing_is_kept(page, draft):
    wants(draft, WHOLE)
    preview = reverse("preview_questionnaire", args=[draft.slug, "tired"])
    assert preview in page.get(address(draft)).content.decode()
    assert "A moment" in page.get(preview).content.decode()
    french = page.get(preview + "?language=fr").content.decode()
    assert "Un instant" in french
    assert '<html lang="fr"' in french
    filled = {"answer/n": "x", "answer/t": "Oui", "answer/c/one": "on"}
    answer = page.post(preview + "?language=fr", filled)
    assert answer.status_code == 409
    assert 'value="x"' in answer.content.decode()
    assert "would be kept" in page.post(preview, filled | {"answer/n": "3"}).content.decode()
    assert not Answer.objects.exists()
    assert page.get(reverse("preview_questionnaire", args=[draft.slug, "none"])).status_code == 404

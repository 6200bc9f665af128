"""Who is who: IDs in the link, codes to continue, signed links, and the next person at a device."""

import hashlib
import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client

from listening import arrivals, failed_tries, outside_ids, recruiting, sessions, signed_links, studies
from listening.models import FailedTries, Panel, Rater, Session
from listening.protocol import Identity, ProtocolError, read
from tests.listening.rater.conftest import Walker

AGREE = {"from": "consent"}
ONE_ATTEMPT = {"names": ["PROLIFIC_PID"], "one_attempt": True}
MTURK = {"names": ["workerId", "assignmentId"], "required": True, "one_attempt": True}
PROLIFIC = {"names": ["PROLIFIC_PID", "STUDY_ID", "SESSION_ID"], "required": True, "one_attempt": True}
PLACEHOLDERS = [
    *("${e://Field/workerId}", "[%RID%]", "%SURVEY_CODE%", "{{workerId}}", "{{%PROLIFIC_PID%}}", "{workerId}", "[pid]"),
    *("<ID>", "$workerId", "__ID__", "undefined", "null", "NULL", "None", "nan", "", "  ", "[object Object]"),
    *("ASSIGNMENT_ID_NOT_AVAILABLE", "%5B%25RID%25%5D", "%7B%7BworkerId%7D%7D", "\ufffdVICE_ID%"),
]


def begun(study, query=""):
    walker = Walker(study, query)
    walker.leave()
    return walker


def panel(study, name, identity, **values):
    values = {"quota": None, "opens_at": None, "closes_at": None} | values
    recruiting.change_panel(study, None, name, identity=identity, **values)


def text_of(answer):
    return answer.content.decode()


# An ID alone


@pytest.mark.parametrize("more", ["", "&SESSION_ID=2", "&new=1"])
def test_an_id_that_is_known_opens_nothing_in_a_new_browser_and_says_how_to_continue(wants, client, more):
    study = wants(identity=ONE_ATTEMPT)
    first = begun(study, "?PROLIFIC_PID=p1&SESSION_ID=1")
    for answer in (
        client.get(f"{study.invite_path}?PROLIFIC_PID=p1{more}"),
        client.post(f"{study.invite_path}?PROLIFIC_PID=p1{more}", AGREE),
    ):
        assert answer.status_code == 200
        assert "You have already started" in text_of(answer)
        assert "Enter your code" in text_of(answer)
        assert first.token not in text_of(answer)
        assert first.session.resume_code not in text_of(answer)
    assert not client.cookies
    assert Session.objects.count() == 1


def test_a_cookie_leads_back_to_the_first_attempt_whatever_else_the_link_says(wants):
    study = wants(identity=ONE_ATTEMPT)
    first = begun(study, "?PROLIFIC_PID=p1&SESSION_ID=1")
    for query in ("?PROLIFIC_PID=p1", "?PROLIFIC_PID=p1&SESSION_ID=2", "?PROLIFIC_PID=p1&new=1"):
        assert first.client.get(study.invite_path + query).url == first.url
    assert begun(study, "?PROLIFIC_PID=p2").url != first.url


def test_of_two_who_agree_at_once_under_one_id_the_second_does_not_get_the_firsts_session(wants):
    study = wants(identity=ONE_ATTEMPT)
    one, two = Walker(study, "?PROLIFIC_PID=p1"), Walker(study, "?PROLIFIC_PID=p1")
    one.leave()
    two.leave()
    assert "You have already started" in two.text
    with pytest.raises(sessions.AlreadyStarted):  # past the page's own look, as in a race
        sessions.start(study, outside_ids={}, locale="", browser="", identity="PROLIFIC_PID=p1")
    assert Rater.objects.count() == 1


def test_without_one_attempt_the_same_id_starts_another_session(wants):
    study = wants(identity={"names": ["PROLIFIC_PID"]})
    assert begun(study, "?PROLIFIC_PID=p1").url != begun(study, "?PROLIFIC_PID=p1").url


def test_without_an_id_everybody_is_new(wants):
    study = wants(identity=ONE_ATTEMPT)
    assert begun(study).url != begun(study).url


# Codes to continue


def test_each_page_until_the_last_shows_the_code_that_leads_back_from_another_device(opened, client):
    walker = begun(opened)
    code = walker.session.resume_code
    while walker.session.state not in Session.ENDS:
        assert code in walker.text
        if 'id="setup"' in walker.text:
            walker.rate_all()
        walker.leave()
    assert code not in walker.text, "two codes on the last page: raters would copy the wrong one"
    written = f" {code[:4]}-{code[4:]} ".lower()
    answer = client.post(f"{opened.invite_path}resume/", {"code": written})
    assert answer.url == walker.url
    assert client.get(opened.invite_path).url == walker.url  # this browser remembers it now


def test_the_page_behind_the_invite_link_leads_to_the_field_for_the_code(walker, arrive):
    page = arrive()
    assert f'href="{page.url}resume/"' in page.text
    assert 'name="code"' in text_of(page.client.get(f"{page.url}resume/"))


def test_a_code_of_another_study_or_of_none_leads_nowhere(opened, client, researcher):
    code = begun(opened).session.resume_code
    other = begun(opened)
    for wrong in ("", "AAAAAAAA", other.session.rater.code, f"{code}2", code[:7]):
        answer = client.post(f"{opened.invite_path}resume/", {"code": wrong})
        assert answer.status_code == 422
        assert "No rater of this test has this code" in text_of(answer)
    assert client.post("/t/other/resume/", {"code": code}).status_code == 404
    assert not client.cookies


def test_guessing_codes_is_throttled_by_address_and_a_right_code_has_to_wait_as_well(opened, client):
    code = {"code": begun(opened).session.resume_code}
    for number in range(10):
        assert client.post(f"{opened.invite_path}resume/", {"code": f"WRONG{number}"}).status_code == 422
    answer = client.post(f"{opened.invite_path}resume/", code)
    assert answer.status_code == 429
    assert "Too many wrong codes. Please wait 1 minute." in text_of(answer)
    elsewhere = client.post(f"{opened.invite_path}resume/", code, REMOTE_ADDR="192.0.2.1")
    assert elsewhere.status_code == 302


def test_addresses_of_one_ipv6_network_are_one(rf):
    def address(text):
        return failed_tries.address_of(rf.get("/", REMOTE_ADDR=text))

    assert address("2001:db8:1:2::1") == address("2001:db8:1:2:ffff::9") != address("2001:db8:1:3::1")
    assert address("192.0.2.1") == address("::ffff:192.0.2.1") == "192.0.2.1"


# Values that identify nobody


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_a_value_that_identifies_nobody_is_refused_where_an_id_is_required(wants, client, value):
    study = wants(identity=MTURK)
    for assignment in ("A", "B"):
        for send, data in ((client.get, None), (client.post, AGREE)):
            query = {"workerId": value, "assignmentId": assignment}
            answer = send(study.invite_path, data, query_params=query)
            assert answer.status_code == 400
            assert "Missing: workerId." in text_of(answer)
    assert not Rater.objects.exists()


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_two_people_with_the_same_placeholder_share_no_session(wants, rf, value):
    study = wants(identity={"names": ["workerId"], "one_attempt": True})
    arrival = arrivals.read(study, rf.get("/", {"workerId": value}).GET)
    assert (arrival.identity, arrival.ids) == ("", {})


@pytest.mark.parametrize("value", ["5f3c9", "A1-b_2", "ä ö", "100%", "a@b.org", "R_3x%", "nullify", "0"])
def test_ids_as_panels_give_them_identify(value):
    assert outside_ids.identifies(value)


def test_ids_that_differ_only_where_they_would_be_cut_off_are_refused(wants, client):
    study = wants(identity=MTURK)
    for end in "ab":
        answer = client.get(study.invite_path, {"workerId": "x" * 200 + end, "assignmentId": "1"})
        assert answer.status_code == 400


def test_names_that_the_study_wants_are_read_behind_any_number_of_others(wants, client):
    study = wants(identity={"names": ["n" * 60], "required": True})
    others = "&".join(f"k{i}=v" for i in range(40))
    assert client.get(f"{study.invite_path}?{others}&{'n' * 60}=1").status_code == 200


@pytest.mark.parametrize("name", ["new", "panel", "signed"])
def test_a_protocol_names_no_id_as_our_own_links_do(name):
    with pytest.raises(ProtocolError, match="other names than"):
        read({"identity": {"names": [name]}})


# IDs of each panel


def test_prolific_and_a_laboratory_share_a_study(wants, client):
    study = wants(identity=PROLIFIC)
    panel(study, "lab", Identity())
    prolific = "PROLIFIC_PID=1&STUDY_ID=2&SESSION_ID=3"
    assert client.get(f"{study.invite_path}?panel=lab").status_code == 200
    assert client.get(f"{study.invite_path}?panel=other").status_code == 400
    assert client.get(f"{study.invite_path}?{prolific}").status_code == 200
    walker = begun(study, "?panel=lab")
    assert (walker.session.panel, walker.session.identity) == ("lab", None)


def test_the_same_id_under_the_names_of_two_panels_is_two_people(wants):
    study = wants(identity=ONE_ATTEMPT)
    panel(study, "lab", Identity(names=("seat",), one_attempt=True))
    begun(study, "?PROLIFIC_PID=7")
    begun(study, "?panel=lab&seat=7")
    assert set(Session.objects.values_list("identity", flat=True)) == {"PROLIFIC_PID=7", "seat=7"}


# Signed links


def signed(study, *ids, **options):
    out = io.StringIO()
    call_command("signed_links", study.slug, *ids, stdout=out, **options)
    return [line.split("\t") for line in out.getvalue().splitlines()]


def test_a_signed_link_continues_the_session_in_a_new_browser(wants, client, settings):
    settings.SITE_URL = "https://tests.example.org"
    study = wants(identity=ONE_ATTEMPT)
    [[name, link], [_, other]] = signed(study, "p 1&", "p2")
    assert name == "p 1&"
    assert link.startswith(f"https://tests.example.org{study.invite_path}?PROLIFIC_PID=p+1%26&signed=")
    query = link.removeprefix(f"https://tests.example.org{study.invite_path}")
    first = begun(study, query)
    assert first.session.rater.outside_ids == {"PROLIFIC_PID": "p 1&"}
    assert client.get(study.invite_path + query).url == first.url
    assert Client().post(study.invite_path + query, AGREE).url == first.url
    assert other != link
    assert "You have already started" in text_of(Client().get(f"{study.invite_path}?PROLIFIC_PID=p+1%26"))


@pytest.mark.parametrize("change", [("=p1", "=p2"), ("signed=", "signed=0"), ("PROLIFIC_PID=p1&", "")])
def test_a_wrong_signature_is_refused_in_words(wants, client, change):
    study = wants(identity=ONE_ATTEMPT)
    [[_, link]] = signed(study, "p1")
    for send, data in ((client.get, None), (client.post, AGREE)):
        answer = send(link.replace(*change), data)
        assert answer.status_code == 400
        assert "Its signature does not belong to the ID in it" in text_of(answer)
    assert not Rater.objects.exists()


def test_a_signature_of_another_study_is_wrong(wants, researcher):
    study = wants(identity=ONE_ATTEMPT)
    other = studies.create_study(researcher, "Other")
    assert signed_links.signature(study, "PROLIFIC_PID", "1") != signed_links.signature(other, "PROLIFIC_PID", "1")


def test_signed_links_work_in_a_study_whose_links_carry_no_ids_and_in_a_panel(opened, tmp_path):
    file = tmp_path / "ids.txt"
    file.write_text("ada\n\nbob\n")
    panel(opened, "lab", Identity(names=("seat", "room"), required=True))
    for name, options in (("rater", {}), ("seat", {"panel": "lab"})):
        (one, link), (two, _) = signed(opened, file=str(file), **options)
        assert (one, two) == ("ada", "bob")
        assert f"?{name}=ada" in link
        walker = begun(opened, f"?{link.partition('?')[2]}")
        assert walker.session.identity == f"{name}=ada"
        assert walker.session.panel == options.get("panel", "")


@pytest.mark.parametrize(
    ("ids", "options", "fault"),
    [
        ([], {}, "Name IDs"),
        (["{{x}}"], {}, "can't be an ID"),
        (["a"], {"panel": "a b"}, "no panel"),
    ],
)
def test_the_command_says_what_is_wrong(opened, ids, options, fault):
    with pytest.raises(CommandError, match=fault):
        signed(opened, *ids, **options)


# The next person at a device


def test_the_next_person_starts_by_the_link_of_the_same_panel_also_at_the_end(wants):
    study = wants(design={"panels": ["lab"]})
    walker = begun(study, "?panel=lab")
    offer = f'href="{study.invite_path}?new=1&amp;panel=lab"'
    while walker.session.state not in Session.ENDS:
        assert offer in walker.text or walker.session.state == Session.State.COMMENTS
        if 'id="setup"' in walker.text:
            walker.rate_all()
        walker.leave()
    assert offer in walker.text
    answer = walker.client.get(f"{study.invite_path}?new=1&panel=lab")
    assert answer.status_code == 200
    assert 'data-testid="begin"' in text_of(answer)


@pytest.mark.parametrize("identity", [PROLIFIC, ONE_ATTEMPT, {}])
def test_raters_whose_link_says_who_they_are_are_not_offered_to_start_as_another_person(wants, identity):
    walker = begun(wants(identity=identity), "?PROLIFIC_PID=1&STUDY_ID=2&SESSION_ID=3")
    while walker.session.state not in Session.ENDS:
        assert "new=1" not in walker.text
        if 'id="setup"' in walker.text:
            walker.rate_all()
        walker.leave()
    assert "new=1" not in walker.text


def test_where_the_end_leads_back_to_a_panel_nobody_is_offered_to_start_as_another_person(wants):
    walker = Walker(wants(ends={"completed": {"url": "https://panel.example/"}})).to_end()
    assert "https://panel.example/" in walker.text
    assert "new=1" not in walker.text


# New sessions of one address


@pytest.fixture
def three(settings, stopped_clock):
    settings.SESSIONS_PER_HOUR_PER_ADDRESS = 3


def test_one_address_starts_so_many_sessions_in_an_hour_and_the_page_that_says_so_loses_nothing(three, opened, client):
    for _ in range(3):
        begun(opened)
    late = Walker(opened, "?PROLIFIC_PID=p1", **{"Accept-Language": "en"})
    late.page = late.client.post(late.url, late.form[1] | {"from": "", "language": "de"})
    late.leave()
    assert late.page.status_code == 429
    assert late.page["Retry-After"] == "3600"
    assert '<html lang="de"' in late.text
    assert Session.objects.count() == 3
    assert begun_from(opened, "192.0.2.7").status_code == 302
    FailedTries.objects.update(last_at=F("last_at") - timedelta(hours=1))
    late.leave()
    assert late.session.language == "de"
    assert late.session.rater.outside_ids == {"PROLIFIC_PID": "p1"}


def begun_from(study, address, query=""):
    return Client().post(study.invite_path + query, AGREE, REMOTE_ADDR=address)


def test_signed_links_and_raters_who_come_back_are_off_the_limit(three, opened):
    walkers = [begun(opened) for _ in range(3)]
    assert begun_from(opened, "127.0.0.1").status_code == 429
    for _, link in signed(opened, "a", "b"):
        assert Client().post(link, AGREE).status_code == 302
    assert walkers[0].client.get(opened.invite_path).url == walkers[0].url
    assert walkers[0].leave().status_code == 302


def test_a_flood_of_posts_makes_no_more_sessions_than_the_default_allows(opened):
    assert begun_from(opened, "198.51.100.1").status_code == 302
    assert FailedTries.objects.update(count=F("count") + 57) == 1  # as if 57 more had come
    answers = [begun_from(opened, "198.51.100.1").status_code for _ in range(5)]
    assert answers == [302, 302, 429, 429, 429]


def test_a_laboratory_switches_the_limit_off(settings, opened):
    settings.SESSIONS_PER_HOUR_PER_ADDRESS = 0
    assert {begun_from(opened, "198.51.100.1").status_code for _ in range(5)} == {302}


def test_panels_ids_are_set_for_each_panel_and_cloned(opened):
    panel(opened, "lab", Identity(names=("seat",)))
    assert Panel.objects.get(name="lab").identity == {"names": ["seat"]}


# What an ID leads to that has no session with a consent, or none that goes on


def test_a_session_that_nobody_agreed_to_keeps_nobody_out(wants):
    """Earlier versions made one as soon as a link was opened, also by a mail's filter; a killed process leaves one."""
    study = wants(identity=ONE_ATTEMPT)
    who = {"outside_ids": {"PROLIFIC_PID": "p1"}, "locale": "", "browser": "", "identity": "PROLIFIC_PID=p1"}
    left = sessions.start(study, **who)
    with pytest.raises(sessions.AlreadyStarted):  # somebody may be pressing the button
        sessions.start(study, **who)
    Session.objects.update(started_at=F("started_at") - sessions.TIME_TO_AGREE)
    first = begun(study, "?PROLIFIC_PID=p1")
    assert first.session.consented_at
    left.refresh_from_db()
    assert (left.identity, first.session.identity) == (None, "PROLIFIC_PID=p1")
    assert "You have already started" in Walker(study, "?PROLIFIC_PID=p1").text


def test_after_closing_a_signed_link_still_leads_to_the_raters_own_page(wants, client, close):
    study = wants(identity=ONE_ATTEMPT, finish_after_closing=True)
    [[_, link]] = signed(study, "p1")
    query = "?" + link.partition("?")[2]
    first = begun(study, query)
    close()
    assert client.get(study.invite_path + query).url == first.url


def test_after_closing_a_known_id_is_told_how_to_continue_while_the_study_lets_its_rater_finish(wants, client, close):
    study = wants(identity=ONE_ATTEMPT, finish_after_closing=True)
    begun(study, "?PROLIFIC_PID=p1")
    close()
    answer = client.get(f"{study.invite_path}?PROLIFIC_PID=p1")
    assert (answer.status_code, "Enter your code" in text_of(answer)) == (200, True)
    assert client.get(f"{study.invite_path}?PROLIFIC_PID=p2").status_code == 410


def test_no_address_is_found_in_the_counts_by_hashing_all_there_are(opened):
    begun(opened)
    names = [f"{what} from 127.0.0.1" for what in ("session", "resume code")]
    [count] = FailedTries.objects.all()
    assert count.key not in {hashlib.sha256(name.encode()).hexdigest() for name in names}

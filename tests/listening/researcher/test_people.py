"""Members of a study: invited, changed, removed; the study handed over; and the log of it."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from listening import people, studies
from listening.models import AuditLine, Invitation, Membership, Study


@pytest.fixture
def study(researcher) -> Study:
    """A study of Ada's, without clips."""
    return studies.create_study(researcher, "Speech")


def account(name: str):
    return get_user_model().objects.create_user(name, password="correct horse battery")


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def viewer(study):
    return Membership.objects.create(study=study, user=account("vera"), role="viewer")


@pytest.fixture
def collaborator(study):
    return Membership.objects.create(study=study, user=account("cleo"), role="collaborator")


def at(name: str, study: Study, *more: object) -> str:
    return reverse(name, args=[study.slug, *more])


def log(study: Study) -> list[tuple[str, str]]:
    return list(study.audit_lines.values_list("who", "what"))


def invited(page: Client, study: Study, role: str = "viewer") -> str:
    """The link, as the owner's page shows it."""
    response = page.post(at("people", study), {"role": role})
    assert response.status_code == 201
    return re.search(r'value="http://testserver(/invitation/[^"]+)"', response.content.decode())[1]


def test_whoever_accepts_an_invitation_is_a_member_with_its_role(page, study):
    link, guest = invited(page, study, "collaborator"), account("eve")
    shown = browser(guest).get(link).content.decode()
    assert all(text in shown for text in ("<strong>ada</strong>", "“Speech”", "as a collaborator", "logged in as eve"))
    assert not Membership.objects.exists()
    response = browser(guest).post(link)
    assert response.url == study.get_absolute_url()
    assert Membership.objects.get().role == "collaborator"
    assert "Speech" in browser(guest).get(reverse("studies")).content.decode()
    pk = Invitation.objects.get().pk
    assert log(study) == [
        ("ada", f"invitation {pk} made: collaborator, 14 days"),
        ("eve", f"invitation {pk} accepted: eve is collaborator"),
    ]


def test_an_invitation_asks_for_a_login_and_one_comes_back_to_it(page, study):
    link = invited(page, study)
    account("eve")
    anonymous = Client()
    asked = anonymous.get(link)
    assert asked.url == f"{reverse('login')}?next={link}"
    back = anonymous.post(asked.url, {"username": "eve", "password": "correct horse battery", "next": link})
    assert back.url == link


def test_the_token_of_an_invitation_is_stored_as_a_hash_only_and_shown_once(page, study):
    token = invited(page, study).split("/")[2]
    stored = Invitation.objects.values().get()
    assert token not in str(stored)
    assert token not in page.get(at("people", study)).content.decode()


def test_an_invitation_lets_one_person_in(page, study):
    link = invited(page, study)
    browser(account("eve")).post(link)
    late = browser(account("mallory"))
    assert "has been used" in late.get(link).content.decode()
    assert late.get(link).status_code == 410
    assert "has been used" in late.post(link, follow=True).content.decode()
    assert Membership.objects.count() == 1


def test_of_two_who_accept_at_once_one_gets_in(study, researcher):
    token = people.invite(study, researcher, "viewer")
    first, second = people.invitation_behind(token), people.invitation_behind(token)
    people.accept(first, account("eve"))
    with pytest.raises(people.PeopleError, match="faster"):
        people.accept(second, account("mallory"))
    assert [member.user.username for member in study.memberships.all()] == ["eve"]


def test_an_invitation_ends_after_fourteen_days(page, study):
    link = invited(page, study)
    made = Invitation.objects.get()
    assert made.expires_at - made.created_at > timedelta(days=13, hours=23)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    guest = browser(account("eve"))
    assert "has expired" in guest.get(link).content.decode()
    assert guest.post(link).url == link
    assert not Membership.objects.exists()


def test_an_invitation_can_be_taken_back(page, study):
    link = invited(page, study)
    page.post(at("revoke_invitation", study, Invitation.objects.get().pk))
    guest = browser(account("eve"))
    assert "was taken back" in guest.get(link).content.decode()
    guest.post(link)
    assert not Membership.objects.exists()
    assert "Invitations not used yet" in page.get(at("people", study)).content.decode()


def test_an_invitation_takes_nothing_away_from_who_has_more(page, study, collaborator, researcher):
    link = invited(page, study, "viewer")
    assert "a collaborator of this study already" in browser(collaborator.user).get(link).content.decode()
    browser(collaborator.user).post(link)
    assert "The study is yours" in page.get(link).content.decode()
    page.post(link)
    assert Membership.objects.get().role == "collaborator"
    assert Invitation.objects.get().used_at is None


def test_a_viewer_becomes_a_collaborator_by_an_invitation(page, study, viewer):
    browser(viewer.user).post(invited(page, study, "collaborator"))
    assert Membership.objects.get().role == "collaborator"


def test_an_unknown_link_is_not_found(page):
    assert page.get(reverse("invitation", args=["x" * 43])).status_code == 404


def test_the_owner_changes_a_role_and_removes_a_member(page, study, viewer):
    page.post(at("change_role", study, viewer.pk), {"role": "collaborator"})
    viewer.refresh_from_db()
    assert viewer.role == "collaborator"
    page.post(at("change_role", study, viewer.pk), {"role": "owner"})
    viewer.refresh_from_db()
    assert viewer.role == "collaborator"
    page.post(at("remove_member", study, viewer.pk))
    assert browser(viewer.user).get(study.get_absolute_url()).status_code == 404
    assert log(study) == [("ada", "vera is collaborator (was viewer)"), ("ada", "vera removed (was collaborator)")]


def test_members_of_another_study_are_out_of_reach(page, study, viewer):
    other = studies.create_study(account("eve"), "Other")
    member = Membership.objects.create(study=other, user=account("bob"), role="viewer")
    assert page.post(at("remove_member", study, member.pk)).status_code == 404
    assert page.post(at("hand_over", study, member.pk)).status_code == 404
    assert Membership.objects.filter(pk=member.pk).exists()


def test_a_member_leaves(study, viewer):
    response = browser(viewer.user).post(at("leave_study", study))
    assert response.url == reverse("studies")
    assert not Membership.objects.exists()
    assert log(study) == [("vera", "vera left")]


def test_an_owner_has_to_hand_the_study_over_before_leaving(page, study):
    assert "has to hand it over first" in page.post(at("leave_study", study), follow=True).content.decode()
    study.refresh_from_db()
    assert study.owner.username == "ada"


def test_handing_over_asks_first_and_then_turns_the_roles_around(page, study, viewer, researcher):
    shown = page.get(at("hand_over", study, viewer.pk)).content.decode()
    assert "Hand the study over to vera?" in shown
    study.refresh_from_db()
    assert study.owner == researcher
    page.post(at("hand_over", study, viewer.pk))
    study.refresh_from_db()
    assert study.owner == viewer.user
    assert [(each.user, each.role) for each in study.memberships.all()] == [(researcher, "collaborator")]
    assert page.post(at("people", study), {"role": "viewer"}).status_code == 403
    assert log(study) == [("ada", "handed over from ada to vera")]


def test_staff_hand_over_a_study_whose_owner_is_gone(staff, study, viewer):
    get_user_model().objects.filter(username="ada").update(is_active=False)
    staff.post(at("hand_over", study, viewer.pk))
    study.refresh_from_db()
    assert study.owner == viewer.user
    assert log(study) == [("root", "handed over from ada to vera")]


def test_who_may_not_reads_who_can_grant_it(study, viewer, collaborator):
    refused = browser(viewer.user).post(at("conditions", study), {"specs": ["reference"]})
    assert refused.status_code == 403
    text = refused.content.decode()
    assert "This takes a collaborator" in text
    assert "You are a viewer of this study." in text
    assert "<strong>ada</strong>, who owns the study, can give you another role" in text
    assert "This takes the owner" in browser(collaborator.user).post(at("people", study)).content.decode()


def test_a_script_that_may_not_gets_a_text_to_show(study, viewer):
    refused = browser(viewer.user).post(at("upload_clip", study), headers={"Accept": "application/json"})
    assert refused.status_code == 403
    assert refused.json() == {"error": "You are a viewer of this study; this takes a collaborator. Ask ada."}


PAGES = [
    "study",
    "upload_clip",
    "conditions",
    "raters_way",
    "rendering",
    "raters",
    "results",
    "study_settings",
    "people",
]


class Buttons(HTMLParser):
    """Where the forms lead that a page's main part lets one send: those in a disabled fieldset cannot be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.form, self.off, self.found = "", [False], []
        self.feed(text.split('<main id="main"')[1])

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        if tag == "form":
            self.form = given.get("action", "this page")
        if tag == "fieldset":
            self.off.append("disabled" in given or self.off[-1])
        if tag == "button" and given.get("type") == "submit" and not self.off[-1]:
            self.found.append(self.form)

    def handle_endtag(self, tag: str) -> None:
        if tag == "fieldset":
            self.off.pop()


@pytest.mark.parametrize(("role", "can"), [("viewer", False), ("collaborator", True)])
def test_pages_of_a_viewer_say_so_and_have_no_button_that_would_be_refused(draft, role, can):
    member = browser(Membership.objects.create(study=draft, user=account("vera"), role=role).user)
    ways = [at("open_study", draft), at("close_study", draft)]
    sent: set[str] = set()
    for state in Study.State:
        Study.objects.update(state=state, opened_at=timezone.now(), closed_at=timezone.now())
        for name in PAGES:
            if (name, state) == ("results", "closed"):
                continue  # what is there takes a report, and only downloads
            text = member.get(at(name, draft)).content.decode()
            assert ("You look at this study as a viewer" in text) != can, name
            read = {at(each, draft) for each in ("leave_study", "export_study", "clone_study")}  # a viewer may
            sent |= {each for each in Buttons(text).found if each not in read}
            sent |= {each for each in ways if f'href="{each}"' in text}
    assert bool(sent) == can
    assert not can or {at("render_study", draft), *ways} <= sent


def test_the_page_of_people_shows_who_it_is_without_controls_to_members(study, viewer, collaborator):
    for member in (viewer, collaborator):
        text = browser(member.user).get(at("people", study)).content.decode()
        assert all(name in text for name in ("ada", "vera", "cleo"))
        assert "Invite someone" not in text
        assert "Leave the study" in text


def test_the_list_of_studies_says_what_one_is_in_each(study, viewer):
    text = browser(viewer.user).get(reverse("studies")).content.decode()
    assert "you are a viewer" in text
    assert "by ada" in text


def test_the_log_has_the_latest_line_first_in_pages(page, study, viewer):
    for n in range(60):
        studies.audit(study, study.owner, f"deed {n}.")
    first = browser(viewer.user).get(at("study_log", study)).content.decode()
    assert first.index("deed 59.") < first.index("deed 58.")
    assert "Page 1 of 2" in first
    assert "deed 9." not in first
    assert "deed 9." in page.get(at("study_log", study) + "?page=2").content.decode()
    overview = page.get(study.get_absolute_url()).content.decode()
    assert "deed 55." in overview
    assert "deed 54." not in overview


def test_the_log_keeps_the_name_of_an_account_that_is_deleted(page, study, viewer):
    browser(viewer.user).post(at("leave_study", study))
    viewer.user.delete()
    assert "vera: vera left" in page.get(at("study_log", study)).content.decode()


def test_a_download_is_noted(page, study):
    Study.objects.update(state="closed", closed_at=timezone.now())
    page.get(at("download", study, "sessions"))
    assert AuditLine.objects.get().what == "sessions exported as CSV"
    Study.objects.update(state="open")
    page.get(at("download", study, "sessions"))
    assert AuditLine.objects.count() == 1


def test_the_log_notes_who_changed_the_material(page, draft):
    clip = draft.clips.first()
    form = {"name": "renamed", "category": "speech", "start": 0, "length": 0.7}
    page.post(reverse("edit_clip", args=[draft.slug, clip.pk]), form)
    page.post(reverse("edit_clip", args=[draft.slug, clip.pk]), form)  # changes nothing
    page.post(reverse("conditions", args=[draft.slug]), {"specs": ["reference", "opus@12"]})
    page.post(reverse("raters_way_yaml", args=[draft.slug]), {"text": "repeats: 1"})
    size = clip.original.size
    page.post(reverse("delete_clip", args=[draft.slug, clip.pk]), {"confirm": "1"})
    assert list(draft.audit_lines.values_list("who", "what")) == [
        ("ada", f"clip “{clip.name}” (speech, 0 s + {clip.length:g} s) is “renamed” (speech, 0 s + 0.7 s)"),
        ("ada", "conditions set: reference, opus@12"),
        ("ada", "conditions removed: Low-pass 7 kHz, Low-pass 3.5 kHz"),
        ("ada", "settings changed: raters' way"),
        (
            "ada",
            f"deleted: recording {clip.original_name} of “renamed”, {f'{size:,}'.replace(',', ' ')} bytes, "
            f"SHA-256 {clip.original_sha256}",
        ),
        ("ada", "clip “renamed” deleted, with 0 renderings"),
    ]

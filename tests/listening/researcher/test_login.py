from django.urls import reverse


def test_a_researcher_logs_in_and_sees_the_studies(client, researcher):
    response = client.post(reverse("login"), {"username": "ada", "password": "correct horse battery"}, follow=True)
    assert response.redirect_chain == [(reverse("studies"), 302)]
    assert "Log out" in response.content.decode()


def test_a_wrong_password_says_so(client, researcher):
    response = client.post(reverse("login"), {"username": "ada", "password": "wrong"})
    assert "The user name or the password is wrong." in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_after_the_login_one_is_where_one_wanted_to_go(client, researcher, draft):
    wanted = reverse("conditions", args=[draft.slug])
    asked = client.get(wanted)
    assert asked.url == f"{reverse('login')}?next={wanted}"
    response = client.post(asked.url, {"username": "ada", "password": "correct horse battery", "next": wanted})
    assert response.url == wanted


def test_logging_out_takes_a_post(page):
    assert page.get(reverse("logout")).status_code == 405
    assert page.post(reverse("logout")).url == reverse("login")
    assert page.get(reverse("studies")).status_code == 302


def test_a_form_without_its_token_is_refused(researcher, draft):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(researcher)
    assert strict.post(reverse("render_study", args=[draft.slug])).status_code == 403

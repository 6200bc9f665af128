"""One's own account: log in, password, e-mail address, second factor."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, views
from django.contrib.auth import login as log_in
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from listening import failed_tries, site
from listening import two_factor as rules
from listening.audit import note
from listening.forms import CodeForm, EmailForm, PasswordAndCodeForm
from listening.models import ApiToken
from listening.views.researcher.access import researcher

PENDING = "login_waits_for_code"
PENDING_SECONDS = 600
LINES = 10


class Login(views.LoginView):
    """Name and password; with a second factor nobody is logged in before its code."""

    template_name = "listening/login.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(by_mail=site.sends_mail(), **context)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Who guesses has to wait, and the password is not looked at before."""
        self.doors = failed_tries.doors_of_login(request, request.POST.get("username", ""))
        if not (wait := failed_tries.seconds_to_wait(self.doors)):
            return super().post(request, *args, **kwargs)
        form = self.form_class(request, initial={"username": request.POST.get("username", "")})
        context = self.get_context_data(form=form, wait=failed_tries.in_words(wait))
        return self.render_to_response(context, status=429, headers={"Retry-After": str(wait)})

    def form_invalid(self, form) -> HttpResponse:  # noqa: ANN001
        if form.non_field_errors():  # a name and a password were given
            _note_wrong_password(self.request, self.doors)
        return super().form_invalid(form)

    def form_valid(self, form) -> HttpResponse:  # noqa: ANN001
        failed_tries.forget(self.doors)
        user = form.get_user()
        if not rules.is_on(user):
            return super().form_valid(form)
        self.request.session.cycle_key()
        self.request.session[PENDING] = {
            "user": user.pk,
            "backend": user.backend,
            "password": user.get_session_auth_hash(),  # a password that changes meanwhile ends the wait
            "at": time.time(),
        }
        wanted = urlencode({"next": self.get_redirect_url()}) if self.get_redirect_url() else ""
        return redirect(reverse("login_code") + (f"?{wanted}" if wanted else ""))


def _note_wrong_password(request: HttpRequest, doors: list[failed_tries.Door]) -> None:
    """Count it; the account's log says when it is more than a slip."""
    if shut := failed_tries.note_failure(doors):
        account = get_user_model().objects.filter(username__iexact=request.POST["username"].strip()).first()
        if account is not None:
            what = f"{shut[0].free} wrong passwords in a row, the last from {failed_tries.address_of(request)}"
            note(account, None, what, who="login")


@never_cache
@require_http_methods(["GET", "POST"])
def login_code(request: HttpRequest) -> HttpResponse:
    """The second step of a login. Without a first one there is nothing to see."""
    user = _waiting(request)
    if user is None:
        return redirect("login")
    form = CodeForm(request.POST or None)
    wanted = request.POST.get("next", request.GET.get("next", ""))
    doors = failed_tries.doors_of_codes(request)
    if form.is_valid():
        try:
            if wait := failed_tries.seconds_to_wait(doors):
                raise rules.WrongCode(f"There were many wrong codes. Wait {failed_tries.in_words(wait)}.")
            rules.check(user, form.cleaned_data["code"])
        except rules.WrongCode as error:
            if not wait:
                failed_tries.note_failure(doors)
            form.add_error("code", str(error))
        else:
            backend = request.session.pop(PENDING)["backend"]
            log_in(request, user, backend=backend)
            safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
            return redirect(wanted if wanted and safe else settings.LOGIN_REDIRECT_URL)
    status = 422 if form.is_bound else 200
    return render(request, "listening/login_code.html", {"form": form, "next": wanted}, status=status)


def _waiting(request: HttpRequest) -> AbstractBaseUser | None:
    """Who gave name and password in this browser, not long ago."""
    found = request.session.get(PENDING)
    if not found or time.time() - found["at"] > PENDING_SECONDS:
        request.session.pop(PENDING, None)
        return None
    user = get_user_model().objects.filter(pk=found["user"], is_active=True).first()
    return user if user and user.get_session_auth_hash() == found["password"] else None


@researcher
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """GET shows what there is; POST sets the e-mail address."""
    form = EmailForm(request.user, request.POST or None)
    if form.is_valid():
        form.keep()
        messages.success(request, "The e-mail address is saved.")
        return redirect("account")
    context = {
        "page": "account",
        "form": form,
        "by_mail": site.sends_mail(),
        "two_factor": rules.is_on(request.user),
        "codes_left": rules.recovery_codes_left(request.user),
        "tokens": ApiToken.objects.usable(timezone.now()).filter(user=request.user).count(),
        "lines": request.user.account_lines.all()[:LINES],
    }
    return render(request, "listening/account/account.html", context, status=422 if form.is_bound else 200)


@researcher
@require_http_methods(["GET", "POST"])
def two_factor(request: HttpRequest) -> HttpResponse:
    """GET shows the secret for the app; POST confirms it with the app's code and shows the recovery codes once."""
    if rules.is_on(request.user):
        messages.info(request, "The second step is switched on already.")
        return redirect("account")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            codes = rules.switch_on(request.user, form.cleaned_data["code"])
        except rules.WrongCode as error:
            form.add_error("code", str(error))
        else:
            note(request.user, request.user, "second step at login switched on")
            messages.success(request, "The second step is switched on.")
            return _codes(request, codes)
    device = rules.begin(request.user)
    context = {"page": "account", "form": form, "picture": rules.picture(device), "secret": rules.secret(device)}
    return render(request, "listening/account/two_factor.html", context, status=422 if form.is_bound else 200)


@researcher
@require_http_methods(["GET", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, after password and code."""
    form = PasswordAndCodeForm(request.user, request.POST or None)
    if form.is_valid():
        note(request.user, request.user, "new recovery codes made")
        messages.success(request, "These are your new recovery codes. Those from before are void.")
        return _codes(request, rules.new_recovery_codes(request.user))
    return _confirm(request, form, "recovery_codes")


@researcher
@require_http_methods(["GET", "POST"])
def two_factor_off(request: HttpRequest) -> HttpResponse:
    """Take the second step away, after password and code."""
    form = PasswordAndCodeForm(request.user, request.POST or None)
    if form.is_valid():
        rules.switch_off(request.user)
        note(request.user, request.user, "second step at login switched off")
        messages.success(request, "The second step is switched off. A login takes the password alone.")
        return redirect("account")
    return _confirm(request, form, "two_factor_off")


def _confirm(request: HttpRequest, form: PasswordAndCodeForm, name: str) -> HttpResponse:
    if not rules.is_on(request.user):
        return redirect("account")
    context = {"page": "account", "form": form}
    return render(request, f"listening/account/{name}.html", context, status=422 if form.is_bound else 200)


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return render(request, "listening/account/codes.html", {"page": "account", "codes": codes}, status=201)


@method_decorator(researcher, name="dispatch")
class ChangePassword(views.PasswordChangeView):
    """For who knows the old one. Other browsers of the account are logged out by it."""

    template_name = "listening/account/password.html"
    success_url = reverse_lazy("account")
    extra_context = {"page": "account"}

    def form_valid(self, form) -> HttpResponse:  # noqa: ANN001
        note(self.request.user, self.request.user, "password changed")
        messages.success(self.request, "The password is changed. Other browsers are logged out.")
        return super().form_valid(form)


class ResetPassword(views.PasswordResetView):
    """Ask for a link by mail. Where no mail is sent, the page says whom to ask, and takes nothing."""

    template_name = "listening/account/reset.html"
    email_template_name = "listening/account/reset_mail.txt"
    subject_template_name = "listening/account/reset_subject.txt"

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not site.sends_mail():
            return render(request, "listening/account/no_mail.html")
        self.extra_email_context = {"site": settings.SITE_URL, "domain": urlsplit(settings.SITE_URL).netloc}
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form) -> HttpResponse:  # noqa: ANN001
        """Each request counts, whether there is such an account or not: the answer must not tell."""
        doors = failed_tries.doors_of_resets(self.request, form.cleaned_data["email"])
        if wait := failed_tries.seconds_to_wait(doors):
            context = self.get_context_data(form=form, wait=failed_tries.in_words(wait))
            return self.render_to_response(context, status=429, headers={"Retry-After": str(wait)})
        failed_tries.note_failure(doors)
        return super().form_valid(form)


class NewPassword(views.PasswordResetConfirmView):
    """A new password, through the link of the mail. It logs nobody in: the second step stays asked for."""

    template_name = "listening/account/reset_password.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form) -> HttpResponse:  # noqa: ANN001
        note(self.user, self.user, "password changed through a link that was mailed")
        messages.success(self.request, "The password is changed. Log in with it.")
        return super().form_valid(form)


@never_cache
@require_GET
def reset_sent(request: HttpRequest) -> HttpResponse:
    """The same whether there is such an account or not."""
    return render(request, "listening/account/reset_sent.html")

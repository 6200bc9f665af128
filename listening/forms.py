"""What researchers fill in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.html import format_html
from django.utils.text import slugify

from analysis.screening import DEFAULT_RULES, MARKED, NONE, RULES
from listening import clips, two_factor
from listening.models import ApiToken, Clip, Membership, Study, Upload, Webhook
from listening.models.study import MAX_EXCERPT
from listening.uploads import own_name

RESERVED_SLUGS = {"new", "import"}
"""Words that are addresses of pages beside the studies'."""


class StudyForm(forms.ModelForm):
    """A new study or one that is not open yet. The title alone is enough: what is left out gets its default."""

    screening = forms.MultipleChoiceField(
        label="Post-screening rules",
        required=False,
        choices=[
            (rule.name, format_html("<span>{} <code>{}</code></span>", rule.text, rule.name))
            for rule in RULES.values()
            if rule.name not in (MARKED, NONE)
        ],
        widget=forms.CheckboxSelectMultiple,
        help_text="Which raters the statistics leave out, and why. Their ratings stay in the export, marked. "
        "Fixed when the study opens. None ticked: nobody is left out.",
    )

    class Meta:
        model = Study
        fields = [
            "title",
            "slug",
            "rate",
            "channels",
            "loudness",
            "screening",
            "margin",
            "heard_seconds",
            "consent_text",
            "instructions_text",
            "completion_code",
        ]
        labels = {
            "slug": "Short name",
            "rate": "Sample rate",
            "channels": "Channels",
            "loudness": "Target loudness (LUFS)",
            "margin": "Margin of the claim (points)",
            "heard_seconds": "Counts as heard after (seconds)",
            "consent_text": "Consent text",
            "instructions_text": "Instructions",
            "completion_code": "Completion code",
        }
        help_texts = {
            "title": "Shown to researchers only.",
            "slug": "Part of the invite link and of exported files. Raters can read it: don't name a codec in it. "
            "Empty: made from the title.",
            "rate": "Every stimulus is played at this rate.",
            "channels": "Lyra, EVS and the 24 kHz neural codecs carry mono only.",
            "loudness": "Each clip is brought to this loudness after ITU-R BS.1770, as far as its peaks allow.",
            "margin": "Two codecs within this many points count as equivalent. Fixed when the study opens, before any "
            "rating is known. Empty: no such claim.",
            "heard_seconds": "A rater goes on to the next clip when each signal was played that long.",
            "consent_text": "Empty: the text we suggest.",
            "instructions_text": "Empty: the text we suggest.",
            "completion_code": "Shown to each rater at the end. Empty: each rater gets a different code.",
        }
        widgets = {
            "title": forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
            "slug": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            "loudness": forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
            "margin": forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
            "heard_seconds": forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
            "consent_text": forms.Textarea(attrs={"rows": 5}),
            "instructions_text": forms.Textarea(attrs={"rows": 7}),
            "completion_code": forms.TextInput(attrs={"autocomplete": "off"}),
        }

    DEFAULTED = ("rate", "channels", "loudness", "heard_seconds", "consent_text", "instructions_text")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, label_suffix="")
        self.fields["slug"].required = False
        for name in self.DEFAULTED:
            self.fields[name].required = False
        self.fields["heard_seconds"].validators += [MinValueValidator(0.1), MaxValueValidator(MAX_EXCERPT)]
        # The browser's own bounds, so that a slip shows before it is sent.
        for name, low, high in (("loudness", -40, -14), ("margin", 0.1, 50), ("heard_seconds", 0.1, MAX_EXCERPT)):
            self.fields[name].widget.attrs |= {"min": low, "max": high}
        if self.instance.pk:
            self.fields["title"].widget.attrs.pop("autofocus", None)
        else:
            self.initial.setdefault("screening", list(DEFAULT_RULES))

    def clean_slug(self) -> str:
        given = self.cleaned_data["slug"]
        if given in RESERVED_SLUGS:
            raise forms.ValidationError(f"“{given}” is the address of another page. Choose another short name.")
        return given or self.instance.slug or free_slug(str(self.cleaned_data.get("title", "")))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in self.DEFAULTED:
            if name not in self.errors and cleaned.get(name) in (None, ""):
                cleaned[name] = Study._meta.get_field(name).get_default()
        return cleaned


def free_slug(title: str) -> str:
    """Short name made from a title, with a number where it is taken."""
    stem = slugify(title)[:50].strip("-_") or "study"
    slug, n = stem, 1
    while slug in RESERVED_SLUGS or Study.objects.filter(slug=slug).exists():
        n += 1
        slug = f"{stem}-{n}"
    return slug


class ClipForm(forms.ModelForm):
    """Which part of a clip is heard, and what it is called."""

    class Meta:
        model = Clip
        fields = ["name", "category", "licence", "start", "length"]
        labels = {"start": "Start (s)", "length": "Length (s)"}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "category": forms.TextInput(attrs={"autocomplete": "off", "list": "categories"}),
            "licence": forms.TextInput(attrs={"autocomplete": "off", "list": "licences", "placeholder": "CC BY 4.0"}),
            "start": forms.NumberInput(attrs={"step": "any", "min": 0, "inputmode": "decimal"}),
            "length": forms.NumberInput(attrs={"step": "any", "min": 0.5, "max": MAX_EXCERPT, "inputmode": "decimal"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {"auto_id": f"id_clip{kwargs['instance'].pk}_%s", "label_suffix": ""}
        super().__init__(*args, **kwargs)
        for name in ("start", "length"):
            # The model's bounds come before what `clean` looks at: 13 s is too long in itself.
            self.fields[name].validators += Clip._meta.get_field(name).validators
            # 3.0000000001 and 10.239999771 are how floats look, not what anyone typed.
            shown = round(self.initial[name], 3)
            self.initial[name] = int(shown) if shown == int(shown) else shown

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if self.instance.study.clips.exclude(pk=self.instance.pk).filter(name=name).exists():
            raise forms.ValidationError(f"Another clip is called “{name}”.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        start, length, there = cleaned.get("start"), cleaned.get("length"), self.instance.original_seconds
        if start is not None and length is not None and start + length > there + 0.01:
            field = "start" if start >= there else "length"
            self.add_error(field, f"The recording ends at {there:.2f} s.")
        return cleaned

    def keep(self, by: AbstractBaseUser) -> None:
        """Set the excerpt of the clip as filled in; a refusal becomes an error of the form."""
        stored = Clip.objects.select_related("study").get(pk=self.instance.pk)
        # What was not touched keeps its exact value: a rounded length would make the reference anew.
        values = {
            name: self.cleaned_data[name] if name in self.changed_data else getattr(stored, name)
            for name in self.Meta.fields
        }
        try:
            clips.set_excerpt(stored, **values, by=by)
        except clips.ClipError as error:
            self.add_error(None, str(error))


class UploadForm(forms.ModelForm):
    """A file that is to come in parts."""

    class Meta:
        model = Upload
        fields = ["name", "size", "modified", "start_sha256", "category", "licence"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["modified"].required = False

    def clean_name(self) -> str:
        name = own_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError("The file needs a name.")
        return name

    def clean_modified(self) -> int:
        return self.cleaned_data["modified"] or 0


class RoleForm(forms.Form):
    """What a member may do."""

    role = forms.ChoiceField(
        label="Role",
        choices=[
            (Membership.Role.VIEWER, "viewer: sees all, changes nothing"),
            (Membership.Role.COLLABORATOR, "collaborator: changes, renders, opens and closes"),
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, label_suffix="")


class InvitationForm(RoleForm):
    """What whoever accepts an invitation may do."""


class WebhookForm(forms.Form):
    """An address that is told what happens in a study."""

    url = forms.CharField(
        label="Address",
        max_length=500,
        help_text="Of a server of yours: https://example.org/hook",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.MultipleChoiceField(
        label="Is told when",
        choices=Webhook.Event,
        initial=Webhook.Event.values,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, label_suffix="")


class CodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, label_suffix="")


class PasswordForm(forms.Form):
    """The password once more, before something that an open browser alone must not do."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: AbstractBaseUser, *args: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs, label_suffix="")

    def clean_password(self) -> str:
        given = self.cleaned_data["password"]
        if not self.user.check_password(given):
            raise forms.ValidationError("The password is wrong.")
        return given


class PasswordAndCodeForm(PasswordForm):
    """Both factors once more."""

    code = forms.CharField(
        label="Code of the app, or a recovery code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:  # a code is used up by being checked: not beside a wrong password
            try:
                two_factor.check(self.user, cleaned["code"])
            except two_factor.WrongCode as error:
                self.add_error("code", str(error))
        return cleaned


class TokenForm(PasswordForm):
    """A new token for scripts."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="What uses it: “laptop”, “nightly run”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(label="May", choices=ApiToken.Scope, initial=ApiToken.Scope.WRITE)
    days = forms.TypedChoiceField(
        label="Ends after",
        choices=[("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "never")],
        initial="90",
        required=False,
        coerce=int,
        empty_value=None,
    )
    field_order = ["name", "scope", "days", "password"]


class EmailForm(PasswordForm):
    """Where links for a new password go."""

    email = forms.EmailField(
        label="E-mail address", required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    field_order = ["email", "password"]

    def __init__(self, user: AbstractBaseUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, initial={"email": user.email}, **kwargs)

    def keep(self) -> None:
        """Store the address."""
        self.user.email = self.cleaned_data["email"]
        self.user.save(update_fields=["email"])

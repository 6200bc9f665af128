"""The site's own address, for links that leave it: in mails, invitations, invite links and the API's answers.

A link must not follow the header `Host`, which the sender of a request chooses. So it begins with `SITE_URL`; where the
operator has set none, nothing is mailed, and pages show links under the name that the reader's own browser uses.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def link_to(path: str, request: HttpRequest) -> str:
    """A whole link to a page of this site."""
    return settings.SITE_URL + path if settings.SITE_URL else request.build_absolute_uri(path)


def sends_mail() -> bool:
    """Whether links for forgotten passwords are mailed."""
    return bool(settings.EMAIL_HOST and settings.SITE_URL)

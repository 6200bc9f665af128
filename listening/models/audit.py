"""Who did what to a study, for its log."""

from django.conf import settings
from django.db import models

COMMAND_LINE = "command line"


class AuditLine(models.Model):
    """One deed, never changed afterwards."""

    study = models.ForeignKey("listening.Study", models.CASCADE, related_name="audit_lines")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    who = models.CharField(
        max_length=150, default=COMMAND_LINE, help_text="the account's name then: an account may be deleted later"
    )
    at = models.DateTimeField(auto_now_add=True)
    what = models.CharField(max_length=500)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.who}: {self.what}"

"""What a study had fixed before its first rating."""

from django.db import models


class Registration(models.Model):
    """The pre-registration file, byte for byte as it was made when the study opened."""

    study = models.OneToOneField("listening.Study", models.CASCADE, related_name="registration")
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"pre-registration of {self.study}"

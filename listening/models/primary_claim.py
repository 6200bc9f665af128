"""The statement that a study declares before it opens."""

from django.db import models


class PrimaryClaim(models.Model):
    """A statement on two conditions, with the study's margin; `listening.primary_claims` has the rules."""

    class Statement(models.TextChoices):
        """As `analysis.primary.STATEMENTS`."""

        BETTER = "better", "is better than"
        NO_WORSE = "no worse", "is not worse within the margin than"
        EQUIVALENT = "equivalent", "is equivalent within the margin to"
        REACHES = "reaches", "or a lower rate reaches the quality of"

    study = models.OneToOneField("listening.Study", models.CASCADE, related_name="primary_claim")
    system = models.ForeignKey("listening.Condition", models.CASCADE, related_name="+")
    statement = models.CharField(max_length=12, choices=Statement)
    against = models.ForeignKey("listening.Condition", models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.system.title} {self.get_statement_display()} {self.against.title}"

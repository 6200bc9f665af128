"""When each kind of helper process last worked."""

from django.db import models


class Heartbeat(models.Model):
    """One row per helper. The database holds it, since helpers and web servers may run on different machines."""

    helper = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.helper} at {self.at:%Y-%m-%d %H:%M:%S}"

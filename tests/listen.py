"""What an honest rater's browser does before it reports: it fetches the sounds of the page, and plays them."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from listening import sessions
from listening.models import Session, Trial

MINUTE = timedelta(minutes=1)


def listen(session: Session, time: timedelta = MINUTE) -> None:
    """As if the sounds of the trial at hand were fetched, and played for so long since it was shown."""
    trial = sessions.current_trial(session)
    if trial is None:
        return
    every_sound = (1 << (1 + trial.ratings.count())) - 1
    begun = timezone.now() - time
    shown = min(trial.started_at or begun, begun)
    Trial.objects.filter(pk=trial.pk).update(served=every_sound, started_at=shown)

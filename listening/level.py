"""The level that a rater sets before the test, and by how much it may be changed afterwards (after ITU-R BS.1534-3).

It is a gain in the browser, in dB, below full scale by what may be added later: nothing clips.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from listening.models import Session

State = Session.State

LOWEST, HIGHEST, START = -40.0, -4.0, -16.0
CHANGE = 4.0
"""dB by which the level may be changed on the pages of trials, up or down."""


class WrongLevel(Exception):
    """No level, or one out of range; the text tells the rater what to do."""


def chosen(text: object) -> float:
    """The level that was set, dB.

    Raises
    ------
    WrongLevel
    """
    try:
        level = float(str(text))
    except ValueError:
        level = float("nan")
    if not LOWEST <= level <= HIGHEST:
        raise WrongLevel(_("Set the level with the slider, then go on."))
    return level


def keep(session: Session, level: object) -> float:
    """Keep a level that was set on the page where the rater is: a new one, or a change of it within its bounds.

    Returns
    -------
    float
        The level that counts now, dB.

    Raises
    ------
    WrongLevel
        For what is no level, and where none can be set.
    """
    here = Session.objects.filter(pk=session.pk, state=session.state)
    if session.state == State.LEVEL:
        here.update(level_db=chosen(level))
    elif session.state in (State.TRAINING, State.TRIALS) and session.level_db is not None:
        try:
            change = float(str(level)) - session.level_db
        except ValueError:
            raise WrongLevel(_("Set the level with the slider, then go on.")) from None
        if not abs(change) < float("inf"):
            raise WrongLevel(_("Set the level with the slider, then go on."))
        here.update(level_change_db=max(-CHANGE, min(CHANGE, change)))
    else:
        raise WrongLevel(_("The level can't be changed on this page. Reload the page."))
    session.refresh_from_db(fields=["level_db", "level_change_db"])
    return (session.level_db or 0.0) + session.level_change_db

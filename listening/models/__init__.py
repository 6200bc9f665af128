"""The data of a listening test. See docs/architecture.md for the picture."""

from listening.models.audit import AuditLine
from listening.models.events import EventBlock
from listening.models.place import Panel, Place
from listening.models.rating import Answer, Rater, Rating, Session, Trial
from listening.models.rendering import Rendering
from listening.models.study import Clip, Condition, Study

__all__ = [
    "Answer",
    "AuditLine",
    "Clip",
    "Condition",
    "EventBlock",
    "Panel",
    "Place",
    "Rater",
    "Rating",
    "Rendering",
    "Session",
    "Study",
    "Trial",
]

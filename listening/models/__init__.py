"""The data of a listening test. See docs/architecture.md for the picture."""

from listening.models.account import AccountLine, ApiToken, FailedTries
from listening.models.audit import AuditLine
from listening.models.events import EventBlock
from listening.models.heartbeat import Heartbeat
from listening.models.measurement import Measurement
from listening.models.people import Invitation, Membership
from listening.models.place import Panel, Place
from listening.models.primary_claim import PrimaryClaim
from listening.models.rating import Answer, Rater, Rating, Session, Trial
from listening.models.recruiting import Recruiting
from listening.models.registration import Registration
from listening.models.rendering import Rendering
from listening.models.study import Clip, Condition, Study, SuppliedFile
from listening.models.upload import Upload
from listening.models.webhook import Delivery, Webhook

__all__ = [
    "AccountLine",
    "Answer",
    "ApiToken",
    "AuditLine",
    "Clip",
    "Condition",
    "Delivery",
    "EventBlock",
    "FailedTries",
    "Heartbeat",
    "Invitation",
    "Measurement",
    "Membership",
    "Panel",
    "Place",
    "PrimaryClaim",
    "Rater",
    "Rating",
    "Recruiting",
    "Registration",
    "Rendering",
    "Session",
    "Study",
    "SuppliedFile",
    "Trial",
    "Upload",
    "Webhook",
]

"""The Django project: settings, addresses, the Celery application. No business logic."""

from evalapp.celery import app as celery_app

__all__ = ["celery_app"]

"""WSGI entry point, for gunicorn."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.settings")
application = get_wsgi_application()

# What the first visitor of a page would wait seconds for, now, before the server forks; commands load it as they go.
from audiocodecs.registry import offers  # noqa: E402

for name in ("evalapp.urls", "analysis.sample_size", "matplotlib.image"):
    import_module(name)
offers()

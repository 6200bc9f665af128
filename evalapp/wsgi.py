"""WSGI entry point, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.settings")
application = get_wsgi_application()

# The codecs' modules now, before the server forks: the first page with a matrix would wait seconds for them.
from audiocodecs.registry import offers  # noqa: E402

offers()

"""The description of the JSON API: `manage.py openapi > docs/openapi.json`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from listening.api import api


class Command(BaseCommand):
    help = "Print the description of the JSON API in OpenAPI 3.1."

    def handle(self, **_: Any) -> None:
        self.stdout.write(json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False))

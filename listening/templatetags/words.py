"""The messages of a page's scripts."""

from __future__ import annotations

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from listening.translating import catalogue

register = template.Library()


@register.simple_tag
def words_of_scripts() -> SafeString:
    """The catalogue for i18n.js, in the page: a script has its words before it runs."""
    return json_script(catalogue(get_language() or "en"), "catalogue")

"""Addresses: the application's own, and nothing else."""

from django.urls import include, path

urlpatterns = [path("", include("listening.urls"))]

handler404 = "listening.views.errors.not_found"
handler500 = "listening.views.errors.failed"

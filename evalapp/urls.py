"""Addresses: the application's own, and nothing else."""

from django.urls import include, path

urlpatterns = [path("", include("listening.urls"))]

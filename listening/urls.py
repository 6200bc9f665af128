"""Addresses of the pages: raters', researchers', the monitors'."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from listening.views import health, rater, researcher

urlpatterns = [
    # Raters
    path("t/<slug:slug>/", rater.invite, name="invite"),
    path("r/<str:token>/", rater.rate, name="rate"),
    path("r/<str:token>/step/", rater.step, name="step"),
    path("r/<str:token>/ratings/", rater.save_rating, name="save_rating"),
    path("r/<str:token>/audio/<str:audio_token>.wav", rater.audio, name="audio"),
    # Researchers
    path("", researcher.studies, name="studies"),
    path("studies/new/", researcher.create_study, name="create_study"),
    path("studies/<slug:slug>/", researcher.study, name="study"),
    path("studies/<slug:slug>/settings/", researcher.settings, name="study_settings"),
    path("studies/<slug:slug>/clips/", researcher.upload_clip, name="upload_clip"),
    path("studies/<slug:slug>/clips/<int:clip_id>/", researcher.edit_clip, name="edit_clip"),
    path("studies/<slug:slug>/clips/<int:clip_id>/delete/", researcher.delete_clip, name="delete_clip"),
    path("studies/<slug:slug>/conditions/", researcher.conditions, name="conditions"),
    path("studies/<slug:slug>/render/", researcher.render_study, name="render_study"),
    path("studies/<slug:slug>/progress/", researcher.progress, name="progress"),
    path("studies/<slug:slug>/retry/<int:rendering_id>/", researcher.retry, name="retry"),
    path("studies/<slug:slug>/stimulus/<int:rendering_id>.wav", researcher.stimulus, name="stimulus"),
    path("studies/<slug:slug>/reference/<int:clip_id>.wav", researcher.reference, name="reference"),
    path("studies/<slug:slug>/open/", researcher.open_study, name="open_study"),
    path("studies/<slug:slug>/close/", researcher.close_study, name="close_study"),
    path("studies/<slug:slug>/results/", researcher.results, name="results"),
    path("studies/<slug:slug>/results/<str:table>.csv", researcher.download, name="download"),
    path("login/", LoginView.as_view(template_name="listening/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    # Monitors
    path("health/", health.health, name="health"),
]

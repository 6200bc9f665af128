"""Addresses of the pages: raters', researchers', the monitors'."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from listening.api import api
from listening.views import account, api_tokens, health, rater, sound_check
from listening.views.researcher import (
    clips,
    conditions,
    files,
    log,
    people,
    raters,
    renderings,
    results,
    studies,
    way,
    webhooks,
)

urlpatterns = [
    # Raters
    path("t/<slug:slug>/", rater.invite, name="invite"),
    path("r/<str:token>/", rater.rate, name="rate"),
    path("r/<str:token>/step/", rater.step, name="step"),
    path("r/<str:token>/language/", rater.language, name="rater_language"),
    path("r/<str:token>/ratings/", rater.save_rating, name="save_rating"),
    path("r/<str:token>/events/", rater.save_events, name="save_events"),
    path("r/<str:token>/audio/<str:audio_token>", rater.audio, name="audio"),
    path("r/<str:token>/level/", sound_check.save_level, name="save_level"),
    path("r/<str:token>/headphones/", sound_check.answer, name="answer_headphones"),
    # Researchers
    path("", studies.studies, name="studies"),
    path("studies/new/", studies.create_study, name="create_study"),
    path("studies/import/", files.import_file, name="import_study"),
    path("studies/<slug:slug>/", studies.study, name="study"),
    path("studies/<slug:slug>/settings/", studies.settings, name="study_settings"),
    path("studies/<slug:slug>/raters-way/", way.raters_way, name="raters_way"),
    path("studies/<slug:slug>/raters-way/<str:name>/", way.preview, name="preview_questionnaire"),
    path("studies/<slug:slug>/raters-way.yaml", way.raters_way_yaml, name="raters_way_yaml"),
    path("studies/<slug:slug>/open/", studies.open_study, name="open_study"),
    path("studies/<slug:slug>/close/", studies.close_study, name="close_study"),
    path("studies/<slug:slug>/file/", files.export_file, name="export_study"),
    path("studies/<slug:slug>/clone/", files.clone, name="clone_study"),
    path("studies/<slug:slug>/clips/", clips.upload_clip, name="upload_clip"),
    path("studies/<slug:slug>/clips/<int:clip_id>/", clips.edit_clip, name="edit_clip"),
    path("studies/<slug:slug>/clips/<int:clip_id>/delete/", clips.delete_clip, name="delete_clip"),
    path("studies/<slug:slug>/conditions/", conditions.conditions, name="conditions"),
    path("studies/<slug:slug>/rendering/", renderings.rendering, name="rendering"),
    path("studies/<slug:slug>/render/", renderings.render_study, name="render_study"),
    path("studies/<slug:slug>/progress/", renderings.progress, name="progress"),
    path("studies/<slug:slug>/retry/<int:rendering_id>/", renderings.retry, name="retry"),
    path("studies/<slug:slug>/stimulus/<int:rendering_id>.wav", renderings.stimulus, name="stimulus"),
    path("studies/<slug:slug>/reference/<int:clip_id>.wav", renderings.reference, name="reference"),
    path("studies/<slug:slug>/raters/", raters.raters, name="raters"),
    path("studies/<slug:slug>/results/", results.results, name="results"),
    path("studies/<slug:slug>/results/report.<str:ending>", results.report_file, name="report_file"),
    path("studies/<slug:slug>/results/<str:table>.csv", results.download, name="download"),
    path("studies/<slug:slug>/people/", people.people, name="people"),
    path("studies/<slug:slug>/people/leave/", people.leave_study, name="leave_study"),
    path("studies/<slug:slug>/people/<int:member_id>/role/", people.change_role, name="change_role"),
    path("studies/<slug:slug>/people/<int:member_id>/remove/", people.remove_member, name="remove_member"),
    path("studies/<slug:slug>/people/<int:member_id>/hand-over/", people.hand_over, name="hand_over"),
    path(
        "studies/<slug:slug>/people/invitations/<int:invitation_id>/revoke/",
        people.revoke_invitation,
        name="revoke_invitation",
    ),
    path("studies/<slug:slug>/webhooks/", webhooks.webhooks, name="webhooks"),
    path("studies/<slug:slug>/webhooks/<int:webhook_id>/remove/", webhooks.remove, name="remove_webhook"),
    path("studies/<slug:slug>/webhooks/<int:webhook_id>/test/", webhooks.test, name="test_webhook"),
    path("studies/<slug:slug>/webhooks/<int:webhook_id>/enable/", webhooks.enable, name="enable_webhook"),
    path("studies/<slug:slug>/log/", log.log, name="study_log"),
    path("invitation/<str:token>/", people.invitation, name="invitation"),
    # Accounts
    path("login/", account.Login.as_view(), name="login"),
    path("login/code/", account.login_code, name="login_code"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/", account.account, name="account"),
    path("account/password/", account.ChangePassword.as_view(), name="change_password"),
    path("account/two-factor/", account.two_factor, name="two_factor"),
    path("account/two-factor/recovery-codes/", account.recovery_codes, name="recovery_codes"),
    path("account/two-factor/off/", account.two_factor_off, name="two_factor_off"),
    path("account/tokens/", api_tokens.api_tokens, name="api_tokens"),
    path("account/tokens/<int:token_id>/revoke/", api_tokens.revoke_token, name="revoke_token"),
    path("password/reset/", account.ResetPassword.as_view(), name="password_reset"),
    path("password/reset/sent/", account.reset_sent, name="password_reset_done"),
    path("password/reset/<uidb64>/<token>/", account.NewPassword.as_view(), name="password_reset_confirm"),
    # Scripts
    path("api/v1/", api.urls),
    # Monitors
    path("health/", health.health, name="health"),
]

"""Codes to continue a session, identities with the name of their ID, and names in the links of each panel."""

from django.db import migrations, models

import listening.models.rating


def fill(apps, schema_editor):
    """Give each session a code, and each identity its name: the first that the study's links carry.

    Each row is written once: Postgres alters no table whose rows one transaction has written twice.
    """
    Session = apps.get_model("listening", "Session")
    Study = apps.get_model("listening", "Study")
    ways = Study._base_manager.filter(sessions__identity__isnull=False).values_list("pk", "raters_way")
    names = {pk: ((way.get("identity") or {}).get("names") or [""])[0] for pk, way in ways}
    for pk, study, identity in list(Session.objects.values_list("pk", "study_id", "identity")):
        Session.objects.filter(pk=pk).update(
            resume_code=listening.models.rating.new_resume_code(),
            identity=None if identity is None else f"{names[study]}={identity}",
        )


class Migration(migrations.Migration):
    dependencies = [("listening", "0018_heartbeats")]

    operations = [
        migrations.AddField(
            model_name="panel",
            name="identity",
            field=models.JSONField(
                blank=True,
                help_text="what its links say of raters, see protocol.Identity; null: as the study's",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="resume_code",
            field=models.CharField(
                default=listening.models.rating.new_resume_code,
                help_text="leads the rater to their link from another device",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="session",
            name="identity",
            field=models.CharField(
                blank=True,
                help_text="by which the study knows a rater again, where it wants to: NAME=ID, as the link has it",
                max_length=300,
                null=True,
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.UniqueConstraint(fields=("study", "resume_code"), name="resume_code_once_per_study"),
        ),
    ]

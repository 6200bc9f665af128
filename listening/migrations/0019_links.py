"""Codes to continue a session, identities with the name of their ID, and names in the links of each panel."""

from django.db import migrations, models

import listening.models.rating

OWN_NAMES = ("new", "panel", "signed")
"""Parameters of our own links: since this version no study may name them for IDs."""


def without_own_names(way):
    """A raters' way as this version reads it: otherwise no page of a study that names one could be shown."""
    identity = way.get("identity") or {}
    names = identity.get("names") or []
    kept = [name for name in names if name not in OWN_NAMES][:10]
    if kept == names:
        return way
    others = {name: value for name, value in way.items() if name != "identity"}
    return {**others, "identity": {**identity, "names": kept}} if kept else others


def fill(apps, schema_editor):
    """Give each session a code, and each identity its name: the first that the study's links carry.

    Each row is written once: Postgres alters no table whose rows one transaction has written twice.
    """
    Session = apps.get_model("listening", "Session")
    Study = apps.get_model("listening", "Study")
    first = {}
    for pk, way in list(Study._base_manager.values_list("pk", "raters_way")):
        first[pk] = ((way.get("identity") or {}).get("names") or [""])[0]
        if (read := without_own_names(way)) != way:
            Study._base_manager.filter(pk=pk).update(raters_way=read)
    for pk, study, identity in list(Session.objects.values_list("pk", "study_id", "identity")):
        known = identity is not None and first[study] not in OWN_NAMES
        Session.objects.filter(pk=pk).update(
            resume_code=listening.models.rating.new_resume_code(),
            identity=f"{first[study]}={identity}" if known else None,
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

"""Sounds sent to raters, why a session cannot have listened, and the end of sessions that closing leaves unfinished.

Trials that are there keep an empty `served`: what was sent of them is not known.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('listening', '0019_links'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='cannot_have_listened',
            field=models.CharField(blank=True, default='', help_text='why, once the session is finished; see listening.hearing', max_length=200),
        ),
        migrations.AddField(
            model_name='trial',
            name='served',
            field=models.PositiveBigIntegerField(blank=True, help_text='sounds sent to the rater, a bit each: 0 the reference, then the slots; empty: not recorded', null=True),
        ),
        migrations.AlterField(
            model_name='session',
            name='state',
            field=models.CharField(choices=[('consent', 'Consent'), ('level', 'Level'), ('headphones', 'Headphones'), ('questions', 'Questions'), ('instructions', 'Instructions'), ('training', 'Training'), ('trials', 'Trials'), ('break', 'Break'), ('comments', 'Last page'), ('finished', 'Finished'), ('screened_out', 'Screened out'), ('timed_out', 'Timed out'), ('closed', 'Study closed')], default='consent', max_length=14),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("listening", "0017_rehearsals"),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("helper", models.CharField(max_length=20, unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]

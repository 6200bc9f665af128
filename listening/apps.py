"""The application's entry for Django."""

from django.apps import AppConfig


class ListeningConfig(AppConfig):
    """Registers the system checks."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "listening"

    def ready(self) -> None:
        """Import what registers itself."""
        from listening import checks  # noqa: F401

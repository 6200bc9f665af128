"""Static files as the server serves them, listed once a process: each test client would look for them anew."""

from typing import Any, ClassVar

from whitenoise.middleware import WhiteNoiseMiddleware


class ListedOnce(WhiteNoiseMiddleware):
    found: ClassVar[dict[str, Any]] = {}

    def add_files_from_finders(self) -> None:
        if not self.found:
            super().add_files_from_finders()
            self.found.update(self.files)
        self.files.update(self.found)

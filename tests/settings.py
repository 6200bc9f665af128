"""The project's settings, with everything that is written in a folder of its own."""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="evalapp-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["VAR_DIR"] = _folder
os.environ["MEASURE_STIMULI"] = "0"  # seconds of metrics that few tests look at: they switch it on
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as audiocodecs does, where a test imports torch before it
for _name in ("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT", "EVS_ENCODER", "EVS_DECODER", "LYRA_MODEL_DIR", "DEBUG"):
    os.environ.pop(_name, None)

from evalapp.settings import *  # noqa: E402, F403

# In a file: threads of the live server and of tests share a database in memory, and its transactions with it.
# Tests survive no power cut: waiting for the disk would prove nothing.
_default = DATABASES["default"]  # noqa: F405
_options = {**_default["OPTIONS"], "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"}
DATABASES = {"default": {**_default, "OPTIONS": _options, "TEST": {"NAME": f"{_folder}/test.sqlite3"}}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of logins, none of them worth guarding
MIDDLEWARE = [  # noqa: F405
    "tests.static_files.ListedOnce" if each.startswith("whitenoise.") else each
    for each in MIDDLEWARE  # noqa: F405
]

"""Settings, all from the environment (or a `.env` file beside manage.py). `.env.example` explains each."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

import environ

from evalapp.private_files import keep_database_private, keep_private, restrict

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var"))).resolve()
keep_private(VAR_DIR)


def _secret_key() -> str:
    """Key of this installation, made on the first run and readable by its owner only."""
    path = VAR_DIR / "secret_key"
    if not path.exists():
        # Written aside and linked: of two processes that start at once, both read the same whole key.
        with tempfile.NamedTemporaryFile("w", dir=VAR_DIR) as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()


SECRET_KEY = env.str("SECRET_KEY", "") or _secret_key()
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env.str("SITE_URL", "").rstrip("/")
"""The site's own address, with scheme: what links in mails and invitations begin with."""

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "listening",
]

MIDDLEWARE = [
    "listening.translating.each_request_in_english",  # around all others: errors, too, leave no language behind
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "listening.nul.no_such_address",
]

ROOT_URLCONF = "evalapp.urls"
WSGI_APPLICATION = "evalapp.wsgi.application"
ASGI_APPLICATION = "evalapp.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": env.db_url("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Web server and workers write at the same time: the log lets readers go on,
    # and taking the write lock at BEGIN makes a busy database wait, not fail.
    # FULL: a rating that was acknowledged outlives a power cut (benchmarks/saving.py: its cost).
    keep_database_private(str(DATABASES["default"]["NAME"]))
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "studies"
LOGOUT_REDIRECT_URL = "login"
OTP_TOTP_ISSUER = "evalapp"  # what an authenticator app calls the account

EMAIL_HOST = env.str("EMAIL_HOST", "")
"""Server that sends mail, together with SITE_URL; without both nobody is offered to reset a password by mail."""
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", False)
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", not EMAIL_USE_SSL)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", EMAIL_HOST_USER)

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("ja", "日本語"),
    ("ar", "العربية"),
]
"""Of the raters' pages, each in its own words; researchers' pages are English. Texts: listening/locale."""
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise looks for it, also where nothing is collected
WHITENOISE_USE_FINDERS = True  # static files are served as they lie: nothing to collect, nothing to go stale
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", str(VAR_DIR / "media"))).resolve()
restrict(MEDIA_ROOT, 0o700)
STORAGES = {
    "default": {"BACKEND": env.str("MEDIA_STORAGE", "listening.storage.AtomicFileSystemStorage")},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
MAX_UPLOAD_MB = env.int("MAX_UPLOAD_MB", 100)
UPLOAD_KEEP_HOURS = env.int("UPLOAD_KEEP_HOURS", 48)
"""How long what has arrived of a file is kept for its sender to go on."""
EVENTS_PER_MINUTE = env.int("EVENTS_PER_MINUTE", 3000)
"""Of one session on average since its start, and in its first minute; a held key repeats 30 times a second."""
MAX_STUDY_FILE_MB = env.int("MAX_STUDY_FILE_MB", 4000)
"""Of all that a study's file holds, unpacked."""
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # of a request without its files; a rating is some hundred bytes

SESSION_COOKIE_HTTPONLY = True
HTTPS = env.bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
PROXIES = env.int("PROXIES", 1 if HTTPS else 0)
"""How many proxies of our own stand before the server: whence a request comes is what the outermost of them says."""
SESSIONS_PER_HOUR_PER_ADDRESS = env.int("SESSIONS_PER_HOUR_PER_ADDRESS", 60)
"""New sessions of raters; 0: any number. A laboratory shares one address. Signed links do not count."""
WEBHOOKS_ALLOW_HTTP = env.bool("WEBHOOKS_ALLOW_HTTP", False)
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", False)
"""Whether studies may have messages sent without encryption, and into the network that this server stands in."""
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"  # the rater's link is a key: it never leaves in a Referer

REDIS_URL = env.str("REDIS_URL", "")
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost"
if not REDIS_URL:
    _messages = VAR_DIR / "queue" / "messages"
    _messages.mkdir(parents=True, exist_ok=True)
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # needs broadcasts, which files lack
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_messages),
        "data_folder_out": str(_messages),
        "polling_interval": 0.1,  # seconds; at the usual 1 a worker that has finished stands idle for half a second
    }
CELERY_TASK_IGNORE_RESULT = True  # the database is the truth; the broker carries ids
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 2  # the next message is there when a rendering ends
CELERY_TASK_ACKS_LATE = True
CELERY_DB_REUSE_MAX = 10**9  # tasks look after their connections themselves, see evalapp.celery
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
RENDER_TIME_LIMIT = env.int("RENDER_TIME_LIMIT", 120)
"""Seconds one rendering may take before its worker process is ended."""
RENDER_LEASE = env.int("RENDER_LEASE", 30)
"""Seconds without a sign of life after which a rendering counts as interrupted."""
MEASURE_STIMULI = env.bool("MEASURE_STIMULI", True)
"""Whether workers compute objective metrics of the stimuli when nothing waits to be rendered."""
CODEC_PROGRAMS = env.list("CODEC_PROGRAMS", default=[])
"""Programs that researchers' command lines may call; empty: no conditions of that kind."""
SWEEP_SECONDS = env.int("SWEEP_SECONDS", 15)
CELERY_BEAT_SCHEDULE = {"sweep": {"task": "listening.tasks.sweep", "schedule": SWEEP_SECONDS}}
CELERY_BEAT_SCHEDULER = "evalapp.beat:Scheduler"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "WARNING")},
    "loggers": {"listening": {"level": env.str("LOG_LEVEL", "INFO")}},
}

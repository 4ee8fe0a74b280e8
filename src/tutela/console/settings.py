"""Settings of the one Django project; `environment` documents the variables that it reads."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from typing import Any

from csp.constants import NONE, SELF

from . import environment
from .roles import role_named

TUTELA_ROLE = environment.role_name()
TUTELA_DATA = environment.data_directory()
#: The role's own folder for files: epochs, sealed evidence, keys. Created on use, mode 0700.
TUTELA_STATE = TUTELA_DATA / (TUTELA_ROLE or "tools")
TUTELA_PORT = environment.whole_number("TUTELA_PORT", role_named(TUTELA_ROLE).port)
TUTELA_HTTPS = os.environ.get("TUTELA_HTTPS") == "1"

DEBUG = False
ALLOWED_HOSTS = environment.hosts()
if TUTELA_ROLE:
    os.umask(0o077)  # whatever a role writes is for its own user only
    SECRET_KEY = environment.secret_key(TUTELA_STATE / "secret.key")
    DATABASE_URL = os.environ.get("TUTELA_DATABASE_URL") or f"sqlite:///{TUTELA_DATA / TUTELA_ROLE}.sqlite3"
else:  # tools only: nothing is written to the disk
    SECRET_KEY = secrets.token_urlsafe(48)
    DATABASE_URL = os.environ.get("TUTELA_DATABASE_URL") or "sqlite://:memory:"
DATABASES = {"default": environment.database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "tutela.console.apps.ConsoleConfig",
    *environment.role_apps(TUTELA_ROLE),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "csp",
    "axes",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "tutela.console.middleware.RequestBounds",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tutela.console.middleware.PrivatePages",
    "tutela.console.middleware.DenyByDefault",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "tutela.console.urls"
WSGI_APPLICATION = "tutela.console.wsgi.application"
APPEND_SLASH = False

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tutela.console.context.console",
            ],
        },
    },
]
FORM_RENDERER = "tutela.console.forms.ConsoleRenderer"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# -- Static files: found in the packages themselves, so there is no collecting step.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 300
WHITENOISE_ALLOW_ALL_ORIGINS = False

# -- People: argon2, long passwords, short sessions, lockout after five failures.
AUTH_USER_MODEL = "console.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "console:sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "console:sign-in"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "tutela.console.views.locked"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# -- Cookies: one name per role, because cookies do not tell ports of one host apart.
_COOKIE = f"tutela_{TUTELA_ROLE or 'tools'}"
SESSION_COOKIE_NAME = f"{_COOKIE}_session"
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = TUTELA_HTTPS
CSRF_COOKIE_NAME = f"{_COOKIE}_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = TUTELA_HTTPS
CSRF_FAILURE_VIEW = "tutela.console.views.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# -- Transport. Plain HTTP is for loopback; with TUTELA_HTTPS=1 a proxy in front ends TLS and must set
#    (and strip from clients) X-Forwarded-Proto.
if TUTELA_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

# -- Requests: bounded, and files go to the role's own folder, never to memory or a shared /tmp.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
if TUTELA_ROLE:
    FILE_UPLOAD_TEMP_DIR = str(environment.private_directory(TUTELA_STATE / "uploads"))
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 10
TUTELA_MAX_UPLOAD = environment.whole_number("TUTELA_MAX_UPLOAD", 1024**3)

# -- Logs: events and numbers only; see `logs` for what is left out of tracebacks.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"events": {"()": "tutela.console.logs.EventFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "events"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "tutela": {"level": "INFO"},
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # quotes what a stranger sent
        "axes": {"level": "CRITICAL"},  # its lines carry user names and addresses
    },
}

"""What the settings read from the environment."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from tutela.console import environment


def test_secret_key_is_made_once_and_private(tmp_path):
    path = tmp_path / "new" / "secret.key"
    key = environment.secret_key(path)
    assert len(key) >= 50
    assert environment.secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["secret.key"]


def test_roles_hosts_and_folder():
    assert environment.role_name({}) == ""
    assert environment.role_name({"TUTELA_ROLE": "hub"}) == "hub"
    with pytest.raises(environment.UnknownRole):
        environment.role_name({"TUTELA_ROLE": "hubb"})
    assert environment.hosts({}) == ["localhost", "127.0.0.1", "[::1]"]
    assert environment.hosts({"TUTELA_HOSTS": "a.example.org, b.example.org"}) == [
        "a.example.org",
        "b.example.org",
    ]
    assert environment.data_directory({}).name == "tutela"


def test_missing_modules_are_missing_not_errors():
    assert environment.has_module("tutela.console.urls")
    assert not environment.has_module("tutela.nothing.urls")
    assert not environment.has_module("tutela.console.nothing")


QUESTION = """
import django, json; django.setup()
from django.conf import settings as s
print(json.dumps([s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, getattr(s, "SECURE_HSTS_SECONDS", 0) > 0,
  s.SECURE_SSL_REDIRECT, s.DEBUG, s.PASSWORD_HASHERS[0].rsplit(".", 1)[1], s.DATABASES["default"]["ENGINE"][-7:]]))
"""


@pytest.mark.parametrize(("role", "https"), [("hub", "1"), ("provider", "")])
def test_settings_of_a_role(role, https, tmp_path):
    variables = {**os.environ, "TUTELA_ROLE": role, "TUTELA_DATA": str(tmp_path), "TUTELA_HTTPS": https}
    variables.pop("TUTELA_DATABASE_URL")
    answer = subprocess.run(
        [sys.executable, "-c", QUESTION], env=variables, capture_output=True, text=True, check=True
    )
    on = "true" if https else "false"
    expected = f'["tutela_{role}_session", {on}, {on}, {on}, false, "Argon2PasswordHasher", "sqlite3"]'
    assert answer.stdout.strip() == expected
    assert stat.S_IMODE((tmp_path / role).stat().st_mode) == 0o700

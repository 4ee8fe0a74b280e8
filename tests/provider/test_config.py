from __future__ import annotations

import contextlib
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.provider.config import Config, Secrets, at_rest_key, load, save
from tutela.provider.errors import NotConfigured

CONFIG = Config(
    jurisdiction="XX", organisation="Example Messenger", contact_email="safety@example.org",
    epoch="/e", hash_list="/l", table_key="/k", trust="/t",
    hub="http://127.0.0.1:1", hub_user="esp", homeserver="http://127.0.0.1:2",
)  # fmt: skip
SECRETS = Secrets(bytes(range(32)), "password", "token")


def test_both_files_come_back_and_secrets_are_private(tmp_path: Path) -> None:
    save(tmp_path / "state", CONFIG, SECRETS)
    assert load(tmp_path / "state", {}) == (CONFIG, SECRETS)
    mode = (tmp_path / "state" / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert "password" not in (tmp_path / "state" / "config.json").read_text()
    assert "password" not in repr(SECRETS)


def test_the_environment_takes_precedence(tmp_path: Path) -> None:
    save(tmp_path, CONFIG, SECRETS)
    _, secrets = load(tmp_path, {"TUTELA_HUB_PASSWORD": "other", "TUTELA_HOMESERVER_TOKEN": "t2"})
    assert (secrets.hub_password, secrets.homeserver_token) == ("other", "t2")


@pytest.mark.parametrize(
    "address", ["http://matrix.example.org", "ftp://127.0.0.1", "http://[", "matrix", ""]
)
def test_the_media_token_does_not_travel_in_the_clear(address: str) -> None:
    with pytest.raises(NotConfigured, match="https"):
        replace(CONFIG, homeserver=address)
    assert replace(CONFIG, homeserver="https://matrix.example.org")


def test_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="not set up"):
        load(tmp_path, {})
    assert at_rest_key(tmp_path) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CONFIG.to_dict(), "x"]), inner, max_size=4)
    ),
)


@given(st.dictionaries(st.sampled_from([*CONFIG.to_dict(), "x"]), JSON))
def test_only_our_error_escapes(change: dict[str, Any]) -> None:
    data = {**CONFIG.to_dict(), **change}
    with contextlib.suppress(NotConfigured):
        Config.from_dict(data)


@pytest.mark.parametrize("text", ["", "[]", "[" * 9999, '{"version": 1}', json.dumps({"version": 2})])
@pytest.mark.parametrize("name", ["config.json", "secrets.json"])
def test_broken_files(tmp_path: Path, name: str, text: str) -> None:
    save(tmp_path, CONFIG, SECRETS)
    (tmp_path / name).write_text(text)
    with pytest.raises(NotConfigured):
        load(tmp_path, {})

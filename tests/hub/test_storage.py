"""The hub's folder: sealed while arriving, whole or not there, nothing in the clear."""

from __future__ import annotations

import hashlib
import stat
from io import BytesIO

import pytest

from tutela.hub.errors import HubNotReady, MultipartError, TooLargeError
from tutela.hub.setup import set_up
from tutela.hub.storage import Store
from tutela.sealed import WrongPassphrase

pytestmark = pytest.mark.django_db
DATA = b"ordinary bytes " * 20_000


class Breaking:
    """A stream that fails in the middle."""

    def __init__(self) -> None:
        self.left = 3

    def read(self, size: int, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise MultipartError("cut")
        return b"x" * size


def test_a_stream_is_hashed_sealed_and_opened(hub):
    received = hub.receive(BytesIO(DATA))
    assert (received.size, received.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert received.md5 == hashlib.md5(DATA).hexdigest()
    assert b"ordinary" not in received.path.read_bytes()
    assert stat.S_IMODE(received.path.stat().st_mode) == 0o600
    hub.keep(received, "a" * 32)
    assert not received.path.exists()
    assert hub.read("a" * 32, hub.private_key(), len(DATA)) == DATA
    with pytest.raises(TooLargeError):
        hub.read("a" * 32, hub.private_key(), len(DATA) - 1)
    hub.drop("a" * 32)
    hub.drop("a" * 32)
    with pytest.raises(HubNotReady):
        hub.read("a" * 32, hub.private_key(), 1)


def test_a_stream_that_breaks_leaves_nothing(hub):
    with pytest.raises(MultipartError):
        hub.receive(Breaking())
    assert not list(hub.incoming.iterdir())


def test_set_up_keeps_what_is_there_and_repairs_what_is_lost(hub):
    key, rules = hub.key_file.read_bytes(), hub.rules
    rules.write_text(rules.read_text().replace("Northland", "Upland"))
    public = hub.public_key()
    hub.public_key_file.unlink()
    hub.ranges.unlink()
    done = set_up(hub, "a passphrase for tests")
    assert done.made == ("ip-country.csv", "hub.pub")
    assert (hub.key_file.read_bytes(), hub.public_key()) == (key, public)
    assert "Upland" in rules.read_text()
    from tutela.hub.models import Agency

    assert Agency.objects.get(slug="northland-police").name.startswith("Upland")
    with pytest.raises(WrongPassphrase):
        set_up(hub, "another passphrase")


def test_an_agency_that_leaves_the_rules_becomes_inactive(hub):
    from tutela.hub.models import Agency

    text = hub.rules.read_text()
    hub.rules.write_text(text[: text.index('[[agency]]\nslug = "international-desk"')])
    set_up(hub, "a passphrase for tests")
    assert not Agency.objects.get(slug="international-desk").active


@pytest.mark.parametrize("text", ["", "zz", "00" * 31])
def test_a_damaged_public_key_is_said(tmp_path, text):
    store = Store(tmp_path)
    store.public_key_file.write_text(text)
    with pytest.raises(HubNotReady):
        store.public_key()

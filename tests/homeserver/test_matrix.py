"""Real clients against the real homeserver: photographs and files among three people, and what the server keeps."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import sys
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "guard"))
from guard_samples import START, TRUST, build, pattern

from tutela.guard.core import Policy
from tutela.messenger import matrix
from tutela.messenger.adapter import FileReceived, TextReceived
from tutela.messenger.errors import LoginRefused, NotProtected, SendRefused

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(find_spec("nio") is None, reason="matrix-nio is not installed"),
]
POLICY = Policy("XX", provider_alerts=True)


@pytest.fixture(scope="session")
def members(lab):
    made = [lab.register(f"member{number}", "password") for number in range(3)]
    return [name.removeprefix("@").partition(":")[0] for name in made]


@pytest.fixture(scope="session")
def photograph():
    """An ordinary photograph: a cat, from scikit-image's sample pictures; else a pattern."""
    if find_spec("skimage") is None:
        return pattern(3, (640, 480))
    import io

    from PIL import Image
    from skimage import data

    out = io.BytesIO()
    Image.fromarray(data.chelsea()).save(out, "JPEG", quality=90)
    return out.getvalue()


@asynccontextmanager
async def signed_in(lab, folder, *users, policy=POLICY):
    made = []
    try:
        for user in users:
            one = await matrix.sign_in(
                lab.base_url, user, "password", folder / user, policy, "pass", beat=0.05
            )
            made.append(one)
        yield made
    finally:
        for one in made:
            with contextlib.suppress(Exception):
                await one.close()


async def room_of(host, *guests):
    room = await host.make_room(*(guest.account for guest in guests))
    for guest in guests:
        await guest.join(room)
    for _ in range(200):
        if host.client.rooms[room].member_count == len(guests) + 1:
            return room
        await asyncio.sleep(0.05)
    raise AssertionError("the members were not seen")


def run(scene):
    return asyncio.run(asyncio.wait_for(scene(), 150))


@pytest.fixture(scope="session")
def devices(tmp_path_factory):
    return tmp_path_factory.mktemp("devices")


def test_three_people_share_a_photograph_and_the_server_has_ciphertext(
    lab, online, members, devices, photograph, wait
):
    async def scene():
        async with signed_in(lab, devices, *members) as (anna, bert, cleo):
            room = await room_of(anna, bert, cleo)
            await anna.send_text(room, "MARKER-E2EE text")
            sent = await anna.send_file(room, "MARKER-E2EE.jpg", photograph, "image/jpeg")
            assert sent.event
            assert [notice.code for notice in sent.notices] == ["mode.user_side"]
            await bert.send_file(room, "notes.txt", b"MARKER-E2EE file", "text/plain")
            for other in (bert, cleo):
                text = await other.receive(30)
                assert isinstance(text, TextReceived)
                assert text.text == "MARKER-E2EE text"
                file = await other.receive(30)
                assert isinstance(file, FileReceived)
                assert file.data == photograph
                assert file.is_picture
                assert [notice.code for notice in file.notices] == ["received.first_picture"]
            assert (await cleo.receive(30)).data == b"MARKER-E2EE file"
            plain = (await anna.client.room_create()).room_id  # control: an unencrypted room
            route = f"/_matrix/client/v3/rooms/{plain}/send/m.room.message/1"
            body = b'{"msgtype": "m.text", "body": "MARKER-CONTROL"}'
            assert (await anna._request("PUT", route, body))[0] == 200
            return anna.account, bert.account

    accounts = run(scene)
    wait(lambda: [len(online.vouchers(account)) for account in accounts] == [1, 1])
    assert {len(one) for account in accounts for one in online.vouchers(account)} == {8_540}
    enrolled = [body["account"] for path, body in online.requests if path == "/intake/devices"]
    assert set(accounts) <= set(enrolled)
    stored = b"".join(path.read_bytes() for path in lab.folder.rglob("*") if path.is_file())
    assert b"MARKER-CONTROL" in stored
    assert b"MARKER-E2EE" not in stored
    assert photograph[200:264] not in stored
    database = sqlite3.connect(f"file:{lab.database}?mode=ro", uri=True)
    kinds = database.execute("SELECT DISTINCT media_type FROM local_media_repository").fetchall()
    assert ("application/octet-stream",) in kinds


def test_the_session_and_the_guard_continue(lab, online, members, devices):
    async def scene():
        async with signed_in(lab, devices, members[0]) as (anna,):
            before = anna.client.device_id, anna.guard.status()["sent"]["count"]
            room = next(iter(name for name, room in anna.client.rooms.items() if room.encrypted))
            await anna.send_file(room, "again.txt", b"again", "text/plain")
            await anna.refresh()
            after = anna.client.device_id, anna.guard.status()["sent"]["count"]
        return before, after

    before, after = run(scene)
    assert after == (before[0], before[1] + 1)
    session = devices / members[0] / "session.json"
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    with pytest.raises(LoginRefused):
        run(lambda: matrix.sign_in(lab.base_url, members[0], "wrong", devices / "x", POLICY, "pass"))


def test_nothing_goes_around_the_guard(lab, online, members, devices):
    async def scene():
        async with signed_in(lab, devices, members[0]) as (anna,):
            room = next(iter(name for name, room in anna.client.rooms.items() if room.encrypted))
            with pytest.raises(NotProtected):
                await anna.client.upload(None)
            for content in (
                {"msgtype": "m.image", "url": "mxc://a/b", "body": "x"},
                {"msgtype": "m.file", "file": {"url": "mxc://a/b"}, "body": "x"},
                {"msgtype": "org.example", "file": {}, "body": "x"},
            ):
                with pytest.raises(NotProtected):
                    await anna.client.room_send(
                        room, "m.room.message", content, ignore_unverified_devices=True
                    )

    run(scene)


def test_listed_epoch_alerts_and_receipts(lab, online, members, devices, tmp_path, photograph, wait):
    folder, _ = build(tmp_path / "e", [photograph, pattern(1)])

    async def scene():
        async with signed_in(lab, devices, members[0]) as (anna,):
            anna.guard._clock = lambda: START
            assert anna.guard.load_epoch(folder, TRUST).alerts
            room = next(iter(name for name, room in anna.client.rooms.items() if room.encrypted))
            sent = await anna.send_file(room, "cat.jpg", photograph, "image/jpeg")
            assert [notice.code for notice in sent.notices] == ["mode.provider_alerts"]
            count = len(online.vouchers(anna.account))
            for _ in range(100):
                await anna.refresh()
                states = [item["state"] for item in anna.guard.status()["sent"]["last"]]
                if states[0] == "delivered":
                    break
                await asyncio.sleep(0.05)
            assert states[0] == "delivered"
            assert len(online.vouchers(anna.account)) >= count

    run(scene)


def test_a_device_renews_its_key_when_the_provider_asks(lab, online, members, devices):
    async def scene():
        async with signed_in(lab, devices, members[2]) as (cleo,):
            room = next(iter(name for name, room in cleo.client.rooms.items() if room.encrypted))

            async def until(condition):
                for _ in range(200):
                    await cleo.refresh()
                    if condition():
                        return
                    await asyncio.sleep(0.05)
                raise AssertionError("it did not happen")

            async def settled(count):
                await until(lambda: all(one["state"] in {"delivered", "refused"} for one in last(count)))

            def last(count):
                return cleo.guard.status()["sent"]["last"][:count]

            def enrolments():
                return [
                    body
                    for path, body in online.requests
                    if path == "/intake/devices" and body["account"] == cleo.account
                ]

            await cleo.send_file(room, "a", b"a", "text/plain")
            await settled(1)
            assert len(enrolments()) == 1
            online.renew.add(cleo.account)
            await cleo.send_file(room, "b", b"b", "text/plain")
            await settled(1)
            await cleo.send_file(room, "c", b"c", "text/plain")
            await settled(1)
            assert len(enrolments()) == 2
            online.mode = "unknown"
            for name in "de":
                await cleo.send_file(room, name, b"d", "text/plain")
                cleo.guard.enrolled(cleo.guard.enrolment() or b"")
            await asyncio.sleep(1)
            online.mode = "up"
            await cleo.send_file(room, "f", b"f", "text/plain")  # refused, renewed and sent in one call
            await settled(1)
            assert last(1)[0]["state"] == "delivered"
            assert len(enrolments()) == 3

    run(scene)


def test_homeserver_restart_and_refusals(lab, online, members, devices, wait):
    async def scene():
        async with signed_in(lab, devices, *members[:2]) as (anna, bert):
            room = await room_of(anna, bert)
            await asyncio.to_thread(lab.kill)
            sent = await anna.send_file(room, "later.bin", b"while it was away", "application/octet-stream")
            assert sent.held
            await asyncio.to_thread(lab.start)
            received = await bert.receive(60)  # housekeeping sends it by itself
            assert received.data == b"while it was away"
            usual = lab.module
            online.mode = "silent"
            try:
                await anna.send_file(room, "a.bin", b"queued", "application/octet-stream")
                assert (await bert.receive(30)).data == b"queued"
                lab.module = {**usual, "deadline_hours": 0.5 / 3600}
                await asyncio.to_thread(lab.restart)
                await asyncio.sleep(1)
                with pytest.raises(SendRefused) as refused:
                    await anna.send_file(room, "b.bin", b"too late", "application/octet-stream")
                assert refused.value.notice.code == "voucher.deadline"
                await anna.send_text(room, "text goes on")
                assert (await bert.receive(30)).text == "text goes on"
                await anna.refresh()
                assert anna.guard.status()["uploads"]["reason"]["code"] == "voucher.deadline"
            finally:
                lab.module, online.mode = usual, "up"
                await asyncio.to_thread(lab.restart)

    run(scene)


def test_download_addresses_are_checked(lab, online, members, devices):
    from tutela.messenger.errors import DamagedAttachment

    async def scene():
        async with signed_in(lab, devices, members[0]) as (anna,):
            for url in (
                "",
                "mxc://",
                "mxc://a/../b",
                "https://example.org/x",
                f"mxc://{lab.server_name}/none{os.getpid()}",
            ):
                with pytest.raises(DamagedAttachment):
                    await anna._download(url)

    run(scene)

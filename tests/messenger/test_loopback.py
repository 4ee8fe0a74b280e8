"""Whole conversations in one process: real Megolm, a server that sees ciphertext only."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from guard_samples import TRUST, Clock, build, pattern

from tutela.fingerprint import fingerprint
from tutela.guard.core import Guard, Policy
from tutela.guard.keys import MemoryKeys
from tutela.guard.store import Store
from tutela.hashlist.epoch import MANIFEST_FILE, read
from tutela.messenger.adapter import FileReceived, TextReceived, Told
from tutela.messenger.errors import HomeserverUnreachable, NoSuchRoom, SendRefused
from tutela.messenger.loopback import LoopbackMessenger, LoopbackServer
from tutela.voucher import everyday
from tutela.voucher.crafting import position
from tutela.voucher.opening import Opener
from tutela.voucher.tokens import entry_tokens
from tutela.voucher.wire import Enrolment

SIZE = everyday().voucher_bytes
POLICY = Policy("XX", provider_alerts=True)


@asynccontextmanager
async def people(server, *names, clock=None, beat=0.005):
    made = []
    for name in names:
        account = f"@{name}:loopback"
        guard = Guard(account, "D", POLICY, store=Store.memory(), keys=MemoryKeys(), clock=clock or Clock())
        made.append(LoopbackMessenger(server, guard, beat=beat))
    try:
        yield made
    finally:
        for one in made:
            await one.close()


def run(scene):
    return asyncio.run(asyncio.wait_for(scene(), 60))


def test_text_and_files_arrive_for_three_people_and_the_server_sees_none_of_it():
    async def scene():
        server = LoopbackServer(SIZE)
        async with people(server, "anna", "bert", "cleo") as (anna, bert, cleo):
            room = await anna.make_room(bert.account, cleo.account)
            photo = pattern(5)
            await anna.send_text(room, "MARKER of a text")
            sent = await anna.send_file(room, "MARKER.jpg", photo, "image/jpeg")
            assert [notice.code for notice in sent.notices] == ["mode.user_side"]
            await bert.send_file(room, "notes.txt", b"MARKER of a file", "text/plain")
            for other in (bert, cleo):
                text = await other.receive()
                assert text == TextReceived(room, anna.account, text.event, "MARKER of a text")
                file = await other.receive()
                assert isinstance(file, FileReceived)
                assert (file.name, file.content_type, file.data) == ("MARKER.jpg", "image/jpeg", photo)
                assert [notice.code for notice in file.notices] == ["received.first_picture"]
            assert (await cleo.receive()).data == b"MARKER of a file"
            assert b"MARKER" not in server.stored
            assert photo[:64] not in server.stored
            server.reach(b"CONTROL MARKER in plain")
            assert b"MARKER" in server.stored  # the search itself works
            assert {len(voucher) for _, voucher in server.sets.values()} == {SIZE}

    run(scene)


def test_provider_counts_what_was_sent_by_the_sender_only(tmp_path):
    async def scene():
        relayed = []
        server = LoopbackServer(SIZE, relay=lambda account, voucher: relayed.append((account, voucher)))
        folder, key = build(tmp_path / "e", [pattern(seed) for seed in range(6)])
        async with people(server, "anna", "bert") as (anna, bert):
            for one in (anna, bert):
                assert one.guard.load_epoch(folder, TRUST).alerts
            room = await anna.make_room(bert.account)
            for seed in (0, 1, 77):
                await anna.send_file(room, "p.jpg", pattern(seed), "image/jpeg")
                await bert.receive()
            await anna.refresh()
            status = anna.guard.status()
            assert status["sent"]["by_state"]["queued"] == 3
            assert bert.guard.status()["sent"]["count"] == 0
        assert [account for account, _ in relayed] == [anna.account] * 3
        manifest = read((folder / MANIFEST_FILE).read_bytes(), TRUST)
        opener = Opener(manifest.header, manifest.parameters, key)
        enrolment = Enrolment.parse(server.enrolments[anna.account])
        assert [opener.arrive(voucher, enrolment) is not None for _, voucher in relayed] == [
            True,
            True,
            False,
        ]

    run(scene)


def test_server_away_the_file_waits_sealed_and_leaves_later():
    async def scene():
        server, clock = LoopbackServer(SIZE), Clock()
        async with people(server, "anna", "bert", clock=clock) as (anna, bert):
            room = await anna.make_room(bert.account)
            server.down = True
            sent = await anna.send_file(room, "later.bin", b"contents", "application/octet-stream")
            assert sent.held
            assert sent.notices[-1].code == "upload.held"
            assert anna.guard.status()["held"]["count"] == 1
            assert await anna.flush() == 0
            server.down = False
            assert await anna.flush() == 0  # backing off
            clock.forward(seconds=5)
            assert await anna.flush() == 1
            assert (await bert.receive()).data == b"contents"
            server.down = True
            await anna.send_file(room, "never.bin", b"contents", "application/octet-stream")
            clock.forward(hours=25)
            server.down = False
            assert await anna.flush() == 0
            told = await anna.receive()
            assert isinstance(told, Told)
            assert told.notices[0].code == "upload.given_up"

    run(scene)


def test_a_file_that_waited_through_a_renewal_is_sealed_under_the_new_key(tmp_path):
    """Shares of the old key would count against the new one, and keep it from opening at its threshold."""

    async def scene():
        relayed, clock = [], Clock()
        server = LoopbackServer(SIZE, relay=lambda account, voucher: relayed.append(voucher))
        folder, key = build(tmp_path / "e", [pattern(seed) for seed in range(3)])
        async with people(server, "anna", "bert", clock=clock) as (anna, bert):
            assert anna.guard.load_epoch(folder, TRUST).alerts
            room = await anna.make_room(bert.account)
            await anna.send_file(room, "first.jpg", pattern(0), "image/jpeg")
            server.down = True
            assert (await anna.send_file(room, "later.jpg", pattern(1), "image/jpeg")).held
            anna.guard.rotate()
            server.down = False
            clock.forward(seconds=5)
            assert await anna.flush() == 1
            for seed in (0, 1):
                assert (await bert.receive()).data == pattern(seed)
            account_key = anna.guard._keys.device.account_key
        manifest = read((folder / MANIFEST_FILE).read_bytes(), TRUST)
        opener = Opener(manifest.header, manifest.parameters, key)
        enrolment = Enrolment.parse(server.enrolments[anna.account])
        opened = opener.arrive(relayed[-1], enrolment)
        tokens = entry_tokens(manifest.parameters, fingerprint(pattern(1)).pdq)
        assert {hit.x for hit in opened.hits} <= {position(account_key, token.to_bytes()) for token in tokens}

    run(scene)


def test_refusals_are_explained_and_text_goes_on():
    async def scene():
        server = LoopbackServer(SIZE)
        async with people(server, "anna", "bert") as (anna, bert):
            room = await anna.make_room(bert.account)
            server.refuse = "voucher.deadline"
            with pytest.raises(SendRefused) as refused:
                await anna.send_file(room, "a", b"a", "text/plain")
            assert refused.value.notice.code == "voucher.deadline"
            assert "Text messages go on" in refused.value.hint
            await anna.send_text(room, "still here")
            assert (await bert.receive()).text == "still here"
            with pytest.raises(NoSuchRoom):
                await anna.send_text("!none", "x")

    run(scene)


def test_a_lost_answer_seals_anew_and_sends_once(monkeypatch):
    async def scene():
        server, clock = LoopbackServer(SIZE), Clock()
        async with people(server, "anna", "bert", clock=clock) as (anna, bert):
            room = await anna.make_room(bert.account)
            send = anna._send_event

            async def lost(*_):
                monkeypatch.setattr(anna, "_send_event", send)
                raise HomeserverUnreachable("the power went")

            monkeypatch.setattr(anna, "_send_event", lost)
            assert (await anna.send_file(room, "a", b"contents", "text/plain")).held
            assert await anna.flush() == 1
            assert (await bert.receive()).data == b"contents"
            assert anna.guard.status()["sent"]["count"] == len(server.sets) == 2

    run(scene)


def test_sets_are_announced_in_the_order_of_their_slots():
    async def scene():
        server = LoopbackServer(SIZE)
        async with people(server, "anna", "bert") as (anna, bert):
            room = await anna.make_room(bert.account)
            files = [bytes([number]) * 10 for number in range(8)]
            await asyncio.gather(*(anna.send_file(room, "f", data, "text/plain") for data in files))
            slots = [int.from_bytes(voucher[52:60], "little") for _, voucher in server.sets.values()]
            assert slots == sorted(slots)
            assert {(await bert.receive()).data for _ in files} == set(files)

    run(scene)


def test_a_changed_ciphertext_is_not_shown():
    async def scene():
        server = LoopbackServer(SIZE)
        async with people(server, "anna", "bert") as (anna, bert):
            room = await anna.make_room(bert.account)
            upload = server.upload

            def change(account, ciphertext):
                url = upload(account, ciphertext)
                server.media[url] = bytes([server.media[url][0] ^ 1]) + server.media[url][1:]
                return url

            server.upload = change
            await anna.send_file(room, "a", b"contents", "text/plain")
            assert (await bert.receive()).data is None

    run(scene)

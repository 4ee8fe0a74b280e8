"""The module inside a real Synapse process: what it lets through, relays, refuses and explains."""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.e2e
SIZE = 8_540  # as in conftest: 64 tokens


def sealed() -> bytes:
    return os.urandom(SIZE)


def pair() -> tuple[bytes, bytes]:
    return os.urandom(2_000), sealed()


def send(account) -> bytes:
    ciphertext, voucher = pair()
    account.voucher(ciphertext, voucher).raise_for_status()
    account.upload(ciphertext).raise_for_status()
    return voucher


def test_upload_with_a_set_goes_through_and_the_set_reaches_the_provider(account, online, wait):
    anna = account()
    enrolment = os.urandom(300)
    answer = anna.tutela("enrol", {"enrolment": base64.b64encode(enrolment).decode()})
    assert answer.json()["state"] == "queued"
    before = datetime.now(UTC)
    voucher = send(anna)
    wait(lambda: online.vouchers(anna.name) == [voucher])
    mine = [(path, body) for path, body in online.requests if body["account"] == anna.name]
    assert [path for path, _ in mine] == ["/intake/devices", "/intake/vouchers"]
    body = mine[1][1]
    assert body["ip"] == "127.0.0.1"
    assert 1024 <= body["port"] <= 65_535
    assert abs(datetime.fromisoformat(body["sent_at"]) - before) < timedelta(seconds=20)
    assert online.tokens == {"Bearer service-token"}
    wait(lambda: anna.receipts()["counts"]["delivered"] == 1)
    assert anna.receipts()["uploads"] == "open"


def test_upload_without_a_set_is_refused_and_explained(account, online):
    anna = account()
    data = os.urandom(500)
    refused = anna.upload(data)
    assert refused.status_code == 400
    (refusal,) = anna.receipts()["refusals"]
    assert refusal["code"] == "voucher.missing"
    assert refusal["ct_sha256"] == hashlib.sha256(data).hexdigest()
    assert refusal["hint"]


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE + 1, 4 * SIZE])
def test_wrong_size_is_refused(account, online, size):
    anna = account()
    answer = anna.voucher(b"x", os.urandom(size))
    assert answer.status_code == 400
    assert answer.json()["tutela"]["code"] == "voucher.size"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ct_sha256": "a" * 64},
        {"ct_sha256": "A" * 64, "voucher": ""},
        {"ct_sha256": "../../etc", "voucher": ""},
        {"ct_sha256": 5, "voucher": []},
        {"ct_sha256": "a" * 64, "voucher": "%" * SIZE},
        {"ct_sha256": "a" * 64, "voucher": "A" * 5_000_000},
    ],
)
def test_damaged_requests_get_a_typed_answer(account, online, body):
    answer = account().tutela("voucher", body)
    assert answer.status_code == 400
    assert answer.json()["tutela"]["code"].startswith("voucher.")


def test_no_token_no_answer(lab):
    for name in ("enrol", "voucher"):
        assert httpx.post(f"{lab.base_url}/_synapse/client/tutela/{name}", json={}).status_code in {400, 401}
    assert httpx.get(f"{lab.base_url}/_synapse/client/tutela/receipts").status_code == 401


def test_another_accounts_set_and_a_used_set_are_refused(account, online):
    anna, bert = account(), account()
    ciphertext, voucher = pair()
    anna.voucher(ciphertext, voucher).raise_for_status()
    assert bert.upload(ciphertext).status_code == 400
    assert bert.receipts()["refusals"][0]["code"] == "voucher.missing"
    assert bert.voucher(ciphertext, voucher).json()["tutela"]["code"] == "voucher.used"
    assert anna.upload(ciphertext).status_code == 200
    assert anna.upload(ciphertext).status_code == 400
    assert anna.receipts()["refusals"][0]["code"] == "voucher.used"


def test_provider_down_uploads_go_on_and_the_queue_drains_in_order(account, online, wait):
    anna = account()
    online.mode = "silent"
    vouchers = [send(anna) for _ in range(3)]
    online.mode = "error"
    vouchers += [send(anna) for _ in range(2)]
    online.mode = "token"
    vouchers += [send(anna)]
    online.mode = "proxy"
    vouchers += [send(anna)]
    assert anna.receipts()["counts"]["queued"] == 7
    room = anna.http.post("/_matrix/client/v3/createRoom", json={}).raise_for_status().json()["room_id"]
    text = {"msgtype": "m.text", "body": "text goes on"}
    sent = anna.http.put(f"/_matrix/client/v3/rooms/{room}/send/m.room.message/1", json=text)
    assert sent.status_code == 200
    online.mode = "up"
    wait(lambda: len(online.vouchers(anna.name)) == 7)
    assert online.vouchers(anna.name) == vouchers


def test_final_refusals_are_visible_and_stop_the_device(account, online, wait):
    anna = account()
    online.mode = "refuse"
    for count in (1, 2):
        send(anna)
        wait(lambda count=count: anna.receipts()["counts"]["refused"] == count)
    item = anna.receipts()["items"][0]
    assert (item["state"], item["code"], item["message"]) == ("refused", "voucher.malformed", "not a voucher")
    answer = anna.voucher(*pair())
    assert answer.status_code == 403
    assert answer.json()["tutela"]["code"] == "voucher.refused_by_provider"
    online.mode = "up"
    anna.tutela("enrol", {"enrolment": base64.b64encode(os.urandom(200)).decode()}).raise_for_status()
    wait(lambda: anna.receipts()["uploads"] == "open")
    send(anna)


def test_provider_fetches_ciphertext_with_its_token_only(lab, account, online, wait):
    anna = account()
    ciphertext, voucher = pair()
    anna.voucher(ciphertext, voucher)
    anna.upload(ciphertext).raise_for_status()
    wait(lambda: anna.receipts()["counts"]["delivered"] == 1)
    url = f"{lab.base_url}/_synapse/client/tutela/media/"
    name = hashlib.sha256(ciphertext).hexdigest()
    token = {"Authorization": "Bearer media-token"}
    assert httpx.get(url + name, headers=token).content == ciphertext
    assert httpx.get(url + "0" * 64, headers=token).status_code == 404
    assert httpx.get(url + "../" + name, headers=token).status_code in {404, 405}
    assert httpx.get(url + name, headers={"Authorization": "Bearer service-token"}).status_code == 401
    assert httpx.get(url + name, headers=dict(anna.http.headers)).status_code == 401


def test_public_media_policy_and_reverse_proxy(lab, account, online, wait):
    """ "refuse" by default; "allow" lets through what the server itself can read, and nothing else."""
    anna = account()
    photograph = b"\xff\xd8\xff\xe0" + bytes(500)
    assert anna.upload(photograph, "image/jpeg").status_code == 400
    strict = lab.module
    try:
        lab.module = {**strict, "public_media": "allow", "client_port_header": "X-Client-Port"}
        lab.behind_proxy = True
        lab.restart()
        states_the_proxys_word_for_the_address(anna, online, wait)
        assert anna.upload(photograph, "image/jpeg").status_code == 200
        route = "/_synapse/client/tutela/media/" + hashlib.sha256(photograph).hexdigest()
        token = {"Authorization": "Bearer media-token"}  # no set came with it: it is not the provider's
        assert httpx.get(lab.base_url + route, headers=token).status_code == 404
        assert anna.upload(b"\x43\xc0\x63\xc3" + bytes(500)).status_code == 400
    finally:
        lab.module, lab.behind_proxy = strict, False
        lab.restart()


def states_the_proxys_word_for_the_address(anna, online, wait):
    named = {"X-Forwarded-For": "2001:db8::7", "X-Forwarded-Proto": "https"}
    for given, port in (("50123", 50_123), ("0", None), ("70000", None), ("x", None)):
        anna.http.headers.update({**named, "X-Client-Port": given})
        voucher = send(anna)
        wait(lambda voucher=voucher: voucher in online.vouchers(anna.name))
        body = next(body for _, body in online.requests[::-1] if body["account"] == anna.name)
        assert (body["ip"], body["port"]) == ("2001:db8::7", port)
    anna.http.headers["X-Forwarded-For"] = "no address"
    assert anna.voucher(*pair()).status_code == 400
    anna.http.headers["X-Forwarded-For"] = "192.0.2.8"


def test_kill_nine_after_acceptance_delivers_once(lab, account, online, wait):
    anna = account()
    online.mode = "silent"
    vouchers = [send(anna) for _ in range(3)]
    unclaimed = pair()
    anna.voucher(*unclaimed).raise_for_status()
    lab.kill()
    online.mode = "up"
    lab.start()
    wait(lambda: len(online.vouchers(anna.name)) == 3)
    anna.upload(unclaimed[0]).raise_for_status()
    wait(lambda: online.vouchers(anna.name) == [*vouchers, unclaimed[1]])
    wait(lambda: anna.receipts()["counts"]["delivered"] == 4)
    rows = sqlite3.connect(f"file:{lab.database}?mode=ro", uri=True).execute(
        "SELECT COUNT(*), COUNT(body), COUNT(ip) FROM tutela_queue WHERE account = ?", (anna.name,)
    )
    assert rows.fetchone() == (4, 0, 0)


def test_deadline_refuses_with_an_explanation_and_text_goes_on(lab, account, online, wait):
    anna = account()
    room = anna.http.post("/_matrix/client/v3/createRoom", json={}).raise_for_status().json()["room_id"]
    usual = lab.module
    try:
        lab.module = {**usual, "deadline_hours": 1.0 / 3600}
        lab.restart()
        online.mode = "silent"
        send(anna)
        wait(lambda: anna.receipts()["uploads"] == "refused")
        assert anna.receipts()["reason"]["code"] == "voucher.deadline"
        answer = anna.voucher(*pair())
        assert answer.status_code == 403
        assert answer.json()["tutela"]["hint"].startswith("Files can be sent again")
        assert anna.upload(os.urandom(100)).status_code == 400
        assert anna.receipts()["refusals"][0]["code"] == "voucher.deadline"
        text = {"msgtype": "m.text", "body": "text goes on"}
        route = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/1"
        assert anna.http.put(route, json=text).status_code == 200
        online.mode = "up"
        wait(lambda: anna.receipts()["uploads"] == "open")
        send(anna)
    finally:
        lab.module = usual
        lab.restart()


def test_secrets_are_private_and_absent_from_the_log(lab):
    assert {path.stat().st_mode & 0o077 for path in lab.folder.glob("*.secret")} == {0}
    assert Path(lab.folder / "homeserver.yaml").stat().st_mode & 0o077 == 0
    log = lab.log.read_bytes()
    assert b"service-token" not in log
    assert b"media-token" not in log
    assert b"Traceback" not in log

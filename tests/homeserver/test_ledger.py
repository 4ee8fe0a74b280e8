"""The voucher queue on sqlite3, without Synapse."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.homeserver.ledger import MAX_ENROLMENTS, MAX_WAITING, REASONS, Ledger, Row, Settings

REQUIRED = {"voucher_bytes": 100, "provider_url": "https://provider.example.org", "service_token_file": "t"}
HOUR = 3_600_000
ANNA, BERT = "@anna:example.org", "@bert:example.org"


def ledger(**changes: object) -> tuple[Ledger, sqlite3.Cursor]:
    made = Ledger(Settings.parse({**REQUIRED, **changes}))
    cursor = sqlite3.connect(":memory:").cursor()
    made.create(cursor, postgres=False)
    made.create(cursor, postgres=False)
    return made, cursor


def voucher(name: str, account: str = ANNA, device: str = "PHONE") -> Row:
    body = f"{account} {device} {name}".encode()
    ct = hashlib.sha256(name.encode()).hexdigest()
    return Row(account, device, "voucher", ct, hashlib.sha256(body).hexdigest(), body, "192.0.2.7", 50_001)


def enrolment(name: str = "one", account: str = ANNA, device: str = "PHONE") -> Row:
    body = f"enrolment {account} {device} {name}".encode()
    return Row(
        account, device, "enrolment", None, hashlib.sha256(body).hexdigest(), body, "192.0.2.7", 50_001
    )


def sent(made: Ledger, txn: sqlite3.Cursor, name: str, now: int, **who: str) -> None:
    row = voucher(name, **who)
    assert made.add(txn, row, now) == ("waiting", None)
    assert made.claim(txn, row.account, row.ct_sha256, now) is None


def test_claimed_once_by_the_same_account():
    made, txn = ledger()
    row = voucher("a")
    assert made.claim(txn, ANNA, row.ct_sha256, 0) == "voucher.missing"
    assert made.add(txn, row, 0) == ("waiting", None)
    assert made.heads(txn, 0) == []
    assert made.claim(txn, BERT, row.ct_sha256, 1) == "voucher.missing"
    assert made.claim(txn, ANNA, row.ct_sha256, 2) is None
    assert made.claim(txn, ANNA, row.ct_sha256, 3) == "voucher.used"
    assert [head["claimed"] for head in made.heads(txn, 4)] == [2]
    codes = [refusal["code"] for refusal in made.receipts(txn, ANNA, "PHONE", 4)["refusals"]]
    assert codes == ["voucher.used", "voucher.missing"]


def test_same_bytes_again_are_one_set_and_other_bytes_are_refused():
    made, txn = ledger()
    row = voucher("a")
    assert made.add(txn, row, 0) == made.add(txn, row, 1) == ("waiting", None)
    stolen = Row(BERT, "X", "voucher", row.ct_sha256, row.digest, row.body, None, None)
    assert made.add(txn, stolen, 2) == ("", "voucher.used")
    second = Row(ANNA, "PHONE", "voucher", row.ct_sha256, "0" * 64, b"other", None, None)
    assert made.add(txn, second, 3) == ("", "voucher.used")
    reused = Row(ANNA, "PHONE", "voucher", "1" * 64, row.digest, row.body, None, None)
    assert made.add(txn, reused, 3) == ("", "voucher.used")


def test_order_per_device_and_independent_devices():
    made, txn = ledger()
    assert made.add(txn, enrolment(), 0) == ("queued", None)
    sent(made, txn, "a", 1)
    sent(made, txn, "b", 2, device="TABLET")
    first = made.heads(txn, 5)
    assert [head["kind"] for head in first] == ["enrolment", "voucher"]
    made.postpone(txn, first[0]["seq"], 100)
    assert [head["body"] for head in made.heads(txn, 99)] == [voucher("b", device="TABLET").body]
    made.settle(txn, first[0]["seq"], "delivered", ("", ""), 100)
    assert next(head["body"] for head in made.heads(txn, 101)) == voucher("a").body


def test_settled_rows_keep_neither_set_nor_address():
    made, txn = ledger()
    sent(made, txn, "a", 1)
    (head,) = made.heads(txn, 2)
    assert (head["ip"], head["port"]) == ("192.0.2.7", 50_001)
    made.settle(txn, head["seq"], "delivered", ("", ""), 3)
    assert txn.execute("SELECT body, ip, port FROM tutela_queue").fetchall() == [(None, None, None)]
    assert made.receipts(txn, ANNA, "PHONE", 4)["counts"]["delivered"] == 1
    assert made.receipts(txn, BERT, "PHONE", 4)["items"] == []


def test_deadline_refuses_with_a_reason_and_opens_again():
    made, txn = ledger(deadline_hours=1)
    sent(made, txn, "a", 0)
    assert made.add(txn, voucher("b"), HOUR) == ("waiting", None)
    late = HOUR + 1
    assert made.claim(txn, ANNA, voucher("b").ct_sha256, late) == "voucher.deadline"
    assert made.add(txn, voucher("c"), late) == ("", "voucher.deadline")
    assert made.add(txn, voucher("c", account=BERT), late) == ("waiting", None)
    receipts = made.receipts(txn, ANNA, "PHONE", late)
    assert receipts["uploads"] == "refused"
    assert receipts["reason"]["hint"]
    made.settle(txn, made.heads(txn, late)[0]["seq"], "delivered", ("", ""), late)
    assert made.receipts(txn, ANNA, "PHONE", late)["uploads"] == "open"
    assert made.claim(txn, ANNA, voucher("b").ct_sha256, late) is None


def test_a_device_whose_sets_the_provider_refuses_must_enrol_again():
    made, txn = ledger(refusals_allowed=2)
    for name in "ab":
        sent(made, txn, name, 0)
        made.settle(txn, made.heads(txn, 0)[0]["seq"], "refused", ("voucher.refused", "no"), 1)
    assert made.add(txn, voucher("c"), 2) == ("", "voucher.refused_by_provider")
    assert made.add(txn, voucher("c", device="TABLET"), 2) == ("waiting", None)
    made.add(txn, enrolment("two"), 3)
    assert made.add(txn, voucher("d"), 3) == ("waiting", None)
    made.settle(txn, made.heads(txn, 3)[0]["seq"], "delivered", ("", ""), 3)
    assert made.add(txn, voucher("e"), 4) == ("waiting", None)


def test_receipts_do_not_time_the_provider():
    """A set that matched costs the provider a millisecond or two more: a device that could time it would learn."""
    made, txn = ledger()
    for name, took in (("a", 9), ("b", 12)):
        sent(made, txn, name, 1_000)
        made.settle(txn, made.heads(txn, 1_000)[0]["seq"], "delivered", ("", ""), 1_000 + took)
    assert {item["done"] for item in made.receipts(txn, ANNA, "PHONE", 2_000)["items"]} == {60_000}
    sent(made, txn, "c", 1_000)
    assert made.receipts(txn, ANNA, "PHONE", 2_000)["items"][0]["done"] is None


def test_enrolments_that_wait_are_bounded():
    made, txn = ledger()
    for number in range(MAX_ENROLMENTS):
        assert made.add(txn, enrolment(str(number)), 0) == ("queued", None)
    assert made.add(txn, enrolment("0"), 0) == ("queued", None)  # the same bytes again
    assert made.add(txn, enrolment("more"), 0) == ("", "enrolment.too_many")
    assert made.add(txn, enrolment("more", device="TABLET"), 0) == ("", "enrolment.too_many")
    assert made.add(txn, enrolment("more", account=BERT), 0) == ("queued", None)
    made.settle(txn, made.heads(txn, 0)[0]["seq"], "delivered", ("", ""), 1)
    assert made.add(txn, enrolment("more"), 1) == ("queued", None)


def test_renewal_is_asked_until_a_new_enrolment_comes():
    made, txn = ledger()
    made.add(txn, enrolment(), 0)
    made.settle(txn, 1, "delivered", ("", ""), 0)
    for name, state, code in (
        ("a", "delivered", ""),
        ("b", "delivered", "key.renew"),
        ("c", "refused", "provider.key_due"),
    ):
        sent(made, txn, name, 1)
        made.settle(txn, made.heads(txn, 1)[0]["seq"], state, (code, ""), 2)
        assert made.receipts(txn, ANNA, "PHONE", 2)["renew"] is bool(code)
    assert not made.receipts(txn, ANNA, "TABLET", 2)["renew"]
    made.add(txn, enrolment("two"), 3)
    assert not made.receipts(txn, ANNA, "PHONE", 3)["renew"]


def test_waiting_sets_are_bounded_and_expire():
    made, txn = ledger(unclaimed_minutes=1)
    for number in range(MAX_WAITING):
        made.add(txn, voucher(str(number)), 0)
    assert made.add(txn, voucher("more"), 0) == ("", "voucher.too_many")
    assert made.claim(txn, ANNA, voucher("0").ct_sha256, 60_001) == "voucher.expired"
    made.expire(txn, 120_001)
    assert made.add(txn, voucher("more"), 120_001) == ("waiting", None)


def test_receipts_and_refusals_expire():
    made, txn = ledger(receipt_days=1)
    sent(made, txn, "a", 0)
    made.settle(txn, 1, "delivered", ("", ""), 0)
    made.claim(txn, ANNA, "0" * 64, 0)
    made.expire(txn, 24 * HOUR + 1)
    receipts = made.receipts(txn, ANNA, "PHONE", 24 * HOUR + 1)
    assert receipts["items"] == receipts["refusals"] == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"voucher_bytes": 0}, "voucher_bytes is required"),
        ({"voucher_bytes": True}, "positive number"),
        ({"voucher_bytes": "12"}, "positive number"),
        ({"deadline_hours": -1}, "deadline_hours"),
        ({"provider_url": "file:///etc/passwd"}, "provider_url"),
        ({"provider_url": "http://safety.example.org"}, "provider_url"),
        ({"public_media": "maybe"}, "public_media"),
        ({"colour": "red"}, "unknown setting 'colour'"),
        ({"service_token_file": ""}, "service_token_file is required"),
    ],
)
def test_settings_name_what_is_wrong(changes: dict[str, object], says: str):
    with pytest.raises(ValueError, match=says):
        Settings.parse({**REQUIRED, **changes})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_http_stays_on_this_machine(host: str):
    assert Settings.parse({**REQUIRED, "provider_url": f"http://{host}:8010"})


def test_each_reason_says_what_helps():
    assert all(message and hint for message, hint in REASONS.values())


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "claim", "steal", "deliver", "fail"]), st.integers(0, 5)), max_size=60
)


def test_the_same_on_postgresql(postgresql):
    """Placeholders are translated as Synapse does it."""
    psycopg = pytest.importorskip("psycopg")

    class Cursor(psycopg.ClientCursor):
        def execute(self, query, params=(), **_):
            return super().execute(query.replace("?", "%s"), params)

    made = Ledger(Settings.parse({**REQUIRED, "deadline_hours": 1, "refusals_allowed": 1}))
    with psycopg.connect(postgresql, cursor_factory=Cursor) as connection, connection.cursor() as txn:
        made.create(txn, postgres=True)
        made.create(txn, postgres=True)
        assert made.add(txn, enrolment(), 0) == ("queued", None)
        sent(made, txn, "a", 1)
        assert made.claim(txn, BERT, voucher("a").ct_sha256, 1) == "voucher.missing"
        made.settle(txn, made.heads(txn, 2)[0]["seq"], "delivered", ("", ""), 2)
        (head,) = made.heads(txn, 2)
        assert bytes(head["body"]) == voucher("a").body
        made.postpone(txn, head["seq"], 5)
        assert made.heads(txn, 4) == []
        assert made.receipts(txn, ANNA, "PHONE", HOUR + 2)["reason"]["code"] == "voucher.deadline"
        made.settle(txn, head["seq"], "refused", ("provider.key_due", "no"), 6)
        assert made.add(txn, voucher("b"), 7) == ("", "voucher.refused_by_provider")
        receipts = made.receipts(txn, ANNA, "PHONE", 7)
        assert receipts["renew"]
        assert receipts["counts"] == {"waiting": 0, "queued": 0, "delivered": 0, "refused": 1}
        made.expire(txn, 1_000 * HOUR)
        assert made.receipts(txn, ANNA, "PHONE", 1_000 * HOUR)["items"] == []


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_upload_has_one_set_and_order_holds(steps: list[tuple[str, int]]):
    """Whatever the order of requests: uploads == sets claimed, each once, delivered in order per device."""
    made, txn = ledger()
    uploads, delivered = [], []
    for now, (step, number) in enumerate(steps):
        row = voucher(str(number))
        if step == "add":
            made.add(txn, row, now)
        elif step == "claim" and made.claim(txn, ANNA, row.ct_sha256, now) is None:
            uploads.append(row.body)
        elif step == "steal":
            assert made.claim(txn, BERT, row.ct_sha256, now) == "voucher.missing"
        elif step in {"deliver", "fail"}:
            for head in made.heads(txn, now):
                if step == "fail":
                    made.postpone(txn, head["seq"], now)
                else:
                    delivered.append((head["seq"], head["body"]))
                    made.settle(txn, head["seq"], "delivered", ("", ""), now)
    assert len(set(uploads)) == len(uploads)
    assert {body for _, body in delivered} <= set(uploads)
    assert len(delivered) == len(set(delivered))


def test_only_ciphertext_whose_set_the_provider_accepted_is_its_to_fetch():
    made, txn = ledger()
    taken, refused, waiting = (voucher(name) for name in ("taken", "refused", "waiting"))
    for name in ("taken", "refused", "waiting"):
        sent(made, txn, name, 0)
    assert not made.accompanied(txn, taken.ct_sha256)
    seqs = dict(txn.execute("SELECT ct_sha256, seq FROM tutela_queue").fetchall())
    made.settle(txn, seqs[taken.ct_sha256], "delivered", ("", ""), 1)
    made.settle(txn, seqs[taken.ct_sha256], "delivered", ("", ""), 2)
    made.settle(txn, seqs[refused.ct_sha256], "refused", ("voucher.malformed", ""), 1)
    made.add(txn, enrolment(), 3)
    made.settle(txn, txn.execute("SELECT MAX(seq) FROM tutela_queue").fetchone()[0], "delivered", ("", ""), 4)
    made.expire(txn, 1000 * HOUR)
    answers = [made.accompanied(txn, row.ct_sha256) for row in (taken, refused, waiting)]
    assert answers == [True, False, False]
    assert txn.execute("SELECT COUNT(*) FROM tutela_media").fetchone() == (1,)

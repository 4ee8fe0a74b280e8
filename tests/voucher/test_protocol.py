"""Sections 2 to 5 of the design, as acceptance tests."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.voucher.conftest import RELIABILITY, THRESHOLD, House, attachment, picture

from tutela.oprf import group
from tutela.voucher import crafting, field, wire
from tutela.voucher.errors import RederivationError, TableError, VoucherMalformed, VoucherRefused
from tutela.voucher.opening import Hit, Listed, Opened, Opener, close, clusters
from tutela.voucher.sealing import DeviceSecrets, Sealer, chaff, enrol
from tutela.voucher.table import Table
from tutela.voucher.tokens import entry_tokens, least_reliable
from tutela.voucher.wire import Enrolment


def flip(pdq: bytes, places: list[int]) -> bytes:
    bits = np.unpackbits(np.frombuffer(pdq, np.uint8))
    bits[places] ^= 1
    return np.packbits(bits).tobytes()


def weakest(house: House, mask: int) -> list[int]:
    return [
        house.parameters.masks[mask][place] for place in least_reliable(house.parameters, RELIABILITY)[mask]
    ]


def test_a_listed_picture_opens_and_an_unlisted_one_does_not(either_house: House) -> None:
    house = either_house
    listed = house.sealer.seal(picture(house.listed[0]), attachment(), 0)
    other = house.sealer.seal(picture(os.urandom(32)), attachment(), 1)
    file = house.sealer.seal(None, attachment(), 2)
    poor = house.sealer.seal(picture(house.listed[0], quality=49), attachment(), 3)
    opened = house.opener.arrive(listed, house.enrolment)
    assert opened is not None
    assert [hit.mask for hit in opened.hits] == list(range(8))
    assert Opened.from_bytes(opened.to_bytes()) == opened
    for voucher in (other, file, poor):
        assert house.opener.arrive(voucher, house.enrolment) is None
    assert {len(v) for v in (listed, other, file, poor)} == {house.parameters.voucher_bytes}


def test_probing_finds_a_copy_whose_weak_bits_flipped(house: House) -> None:
    """A copy that differs from the entry in the least reliable bits of one mask still meets it there."""
    weak = weakest(house, 0)
    for subset in range(1, 1 << len(weak)):
        copy = flip(house.listed[1], [bit for k, bit in enumerate(weak) if subset >> k & 1])
        opened = house.opener.arrive(house.sealer.seal(picture(copy), attachment(), 10), house.enrolment)
        assert opened is not None
        assert 0 in {hit.mask for hit in opened.hits}


def test_the_account_opens_at_t_distinct_entries_and_not_before(either_house: House) -> None:
    house = either_house
    vouchers = [
        house.sealer.seal(picture(pdq), attachment(), 20 + i)
        for i, pdq in enumerate(house.listed[:THRESHOLD])
    ]
    opened = [house.opener.arrive(voucher, house.enrolment) for voucher in vouchers]
    assert all(opened)
    assert house.opener.recover(opened[:-1], house.enrolment) is None
    key = house.opener.recover(opened, house.enrolment)
    assert key == house.secrets.account_key
    revealed = [
        house.opener.reveal(v, o, key, house.enrolment, house.table)
        for v, o in zip(vouchers, opened, strict=True)
    ]
    assert [item.pdq for item in revealed] == house.listed[:THRESHOLD]
    assert revealed[0].attachment == attachment()
    assert revealed[0].derivative == b"derivative"


def test_a_burst_of_thirty_edits_of_one_entry_counts_once(house: House) -> None:
    entry, opened = house.listed[2], []
    for i in range(30):
        bits = [weakest(house, mask)[i % 3] for mask in range(i % 8)]
        voucher = house.sealer.seal(picture(flip(entry, sorted(set(bits)))), attachment(), 100 + i)
        arrived = house.opener.arrive(voucher, house.enrolment)
        if arrived:
            opened.append(arrived)
    assert len(opened) == 30
    for mask in range(8):
        assert len({hit.x for item in opened for hit in item.hits if hit.mask == mask}) <= 1
    assert house.opener.recover(opened, house.enrolment) is None


def test_one_picture_counts_at_most_once_in_a_mask(house: House) -> None:
    """Two entries that differ in weak bits of a mask are both met by one picture's probes: one x is kept."""
    weak = weakest(house, 0)
    masks = house.parameters
    near = flip(house.listed[3], [weak[0]])
    wraps = house.opener.arrive(house.sealer.seal(picture(near), attachment(), 140), house.enrolment)
    assert wraps is not None
    assert len({hit.mask for hit in wraps.hits}) == len(wraps.hits) <= len(masks.masks)


def test_bad_shares_do_not_prevent_the_opening(house: House) -> None:
    vouchers = [
        house.sealer.seal(picture(pdq), attachment(), 150 + i) for i, pdq in enumerate(house.listed[:8])
    ]
    opened = [house.opener.arrive(voucher, house.enrolment) for voucher in vouchers]
    bad = [Opened(900 + i, bytes(16), (Hit(0, os.urandom(8), os.urandom(16)),)) for i in range(3)]
    assert house.opener.recover(bad + opened, house.enrolment) == house.secrets.account_key


def test_a_flood_of_made_up_shares_ends_in_bounded_time(house: House) -> None:
    flood = [Opened(i, bytes(16), (Hit(0, os.urandom(8), os.urandom(16)),)) for i in range(2000)]
    assert house.opener.recover(flood, house.enrolment) is None


def test_the_search_for_shares_ends_where_it_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, interpolate = [], field.interpolate_at_zero
    monkeypatch.setattr(field, "interpolate_at_zero", lambda points: calls.append(1) or interpolate(points))
    flood = [
        Opened(i, bytes(16), tuple(Hit(mask, os.urandom(8), os.urandom(16)) for mask in range(8)))
        for i in range(50)
    ]
    assert house.opener.recover(flood, house.enrolment, tries=16) is None
    assert len(calls) == 8 * 16


def test_a_voucher_cannot_move_to_another_account_or_slot(house: House) -> None:
    sealer, enrolment, secrets = house.device("@bob:example.org")
    voucher = house.sealer.seal(picture(house.listed[4]), attachment(), 170)
    with pytest.raises(VoucherRefused, match="another device"):
        house.opener.arrive(voucher, enrolment)
    at_slot = slice(52, 60)
    assert voucher[at_slot] == (170).to_bytes(8, "little")
    moved = voucher[:52] + (171).to_bytes(8, "little") + voucher[60:]
    with pytest.raises(VoucherRefused, match="signature"):
        house.opener.arrive(moved, house.enrolment)
    # even a device that signs stolen tokens as its own gains nothing: the context is in every wrap
    head = wire.voucher_head(house.parameters, b"T" * 32, enrolment.tag, 170)
    stolen = head + voucher[len(head) : -64]
    assert house.opener.arrive(stolen + secrets.signing_key().sign(stolen), enrolment) is None
    resigned = moved[:-64] + house.secrets.signing_key().sign(moved[:-64])
    assert house.opener.arrive(resigned, house.enrolment) is None
    del sealer


def test_a_voucher_of_another_table_is_refused(house: House) -> None:
    voucher = house.sealer.seal(picture(house.listed[0]), attachment(), 180)
    other = bytearray(voucher)
    other[4:36] = b"U" * 32
    with pytest.raises(VoucherRefused, match="another table"):
        house.opener.arrive(bytes(other), house.enrolment)


def test_a_key_of_another_table_is_refused(house: House) -> None:
    with pytest.raises(TableError):
        Opener(house.table.header, house.parameters, (5).to_bytes(32, "little"))


def _handmade(house: House, claimed: bytes, tokens_of: bytes, slot: int) -> tuple[bytes, Enrolment, bytes]:
    """A modified client: tokens of one hash, a body that claims another."""
    sealer, enrolment, secrets = house.device("@mallory:example.org")
    honest = Sealer(house.table, house.parameters, "@mallory:example.org", "PHONE", secrets, os.urandom)
    del sealer
    parameters = house.parameters
    seed = os.urandom(32)
    key = crafting.image_key(seed)
    commitment = wire.image_commitment(key)
    context = wire.context_digest("@mallory:example.org", "PHONE", b"T" * 32, slot, commitment)
    from tutela.voucher.tokens import device_tokens

    section = crafting.token_section(
        parameters,
        house.table,
        account_key=secrets.account_key,
        context=context,
        seed=seed,
        tokens=device_tokens(parameters, tokens_of, RELIABILITY),
        pairs=crafting.precompute(seed, house.table.header.public_key, parameters.tokens),
    )
    inner = wire.Inner(
        wire.PICTURE, 80, seed, claimed, least_reliable(parameters, RELIABILITY), attachment(), b"d"
    )
    body = crafting.seal_body(inner.to_bytes(), key=key, account_key=secrets.account_key, context=context)
    unsigned = wire.voucher_head(parameters, b"T" * 32, enrolment.tag, slot) + commitment + section + body
    del honest
    return unsigned + secrets.signing_key().sign(unsigned), enrolment, secrets.account_key


def test_a_made_up_match_fails_re_derivation(house: House) -> None:
    voucher, enrolment, key = _handmade(house, claimed=os.urandom(32), tokens_of=house.listed[5], slot=1)
    opened = house.opener.arrive(voucher, enrolment)
    assert opened is not None
    with pytest.raises(RederivationError):
        house.opener.reveal(voucher, opened, key, enrolment, house.table)
    honest, enrolment, key = _handmade(house, claimed=house.listed[5], tokens_of=house.listed[5], slot=2)
    opened = house.opener.arrive(honest, enrolment)
    assert opened is not None
    assert house.opener.reveal(honest, opened, key, enrolment, house.table).pdq == house.listed[5]


def test_nothing_is_revealed_under_another_account_key(house: House) -> None:
    voucher = house.sealer.seal(picture(house.listed[6]), attachment(), 190)
    opened = house.opener.arrive(voucher, house.enrolment)
    assert opened is not None
    with pytest.raises(RederivationError):
        house.opener.reveal(voucher, opened, b"\1" * 16, house.enrolment, house.table)


def test_the_clear_check_keeps_what_is_close_and_counts_clusters(house: House) -> None:
    vouchers = [
        house.sealer.seal(picture(pdq), attachment(), 200 + i) for i, pdq in enumerate(house.listed[:6])
    ]
    opened = [house.opener.arrive(voucher, house.enrolment) for voucher in vouchers]
    key = house.opener.recover(opened, house.enrolment)
    assert key is not None
    revealed = [
        house.opener.reveal(v, o, key, house.enrolment, house.table)
        for v, o in zip(vouchers, opened, strict=True)
    ]
    far = {house.listed[0]}
    kept = close(revealed, lambda pdq: Listed("e", pdq.hex(), 40 if pdq in far else 31))
    assert [item.revealed for item in kept] == revealed[1:]
    assert clusters(kept) == 5
    assert clusters(close(revealed, lambda _: Listed("e", "one cluster", 3))) == 1
    assert close(revealed, lambda _: None) == ()


def test_chaff_has_the_size_of_a_voucher_and_never_opens(house: House) -> None:
    voucher = chaff(house.parameters, "@ann:example.org", "PHONE", b"T" * 32, house.secrets, 300, os.urandom)
    assert len(voucher) == house.parameters.voucher_bytes
    assert house.opener.arrive(voucher, house.enrolment) is None


def test_precomputed_pairs_are_burnt_and_change_nothing(house: House) -> None:
    house.sealer.precompute(2)
    first, second = (house.sealer.seal(picture(house.listed[7]), attachment(), 310 + i) for i in range(2))
    assert first[92:124] != second[92:124]
    for voucher in (first, second):
        assert house.opener.arrive(voucher, house.enrolment) is not None


def test_a_generator_that_repeats_does_not_repeat_a_seed(house: House) -> None:
    """The counter keeps vouchers apart where the system's randomness fails, within a run and between runs."""

    def sealer(first: int) -> Sealer:
        return Sealer(house.table, house.parameters, "@ann:example.org", "PHONE", house.secrets, bytes, first)

    one, again = sealer(0), sealer(1 << 32)
    one.precompute(1)
    vouchers = [made.seal(None, attachment(), 320 + i) for i, made in enumerate((one, one, again, again))]
    assert len({voucher[60:92] for voucher in vouchers}) == 4  # the commitments to their image keys


def test_a_decode_that_gives_the_identity_is_no_match_and_no_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multiplying the identity fails; a table made to decode to it for one token would learn of that token."""
    target, decode = entry_tokens(house.parameters, house.listed[0])[0].to_bytes(), Table.decode
    monkeypatch.setattr(
        Table, "decode", lambda table, token: group.IDENTITY if token == target else decode(table, token)
    )
    voucher = house.sealer.seal(picture(house.listed[0]), attachment(), 330)
    opened = house.opener.arrive(voucher, house.enrolment)
    assert opened is not None
    assert [hit.mask for hit in opened.hits] == list(range(1, 8))
    revealed = house.opener.reveal(voucher, opened, house.secrets.account_key, house.enrolment, house.table)
    assert revealed.pdq == house.listed[0]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_tokens_go_out_in_an_order_that_only_the_seed_knows(seed: bytes, other: bytes) -> None:
    assert sorted(crafting.order(seed, 64)) == list(range(64))
    assert seed == other or crafting.order(seed, 64) != crafting.order(other, 64)


def test_a_rotated_device_keeps_its_identity_and_loses_its_key(house: House) -> None:
    rotated = house.secrets.rotated(os.urandom)
    assert rotated.identity == house.secrets.identity
    assert rotated.account_key != house.secrets.account_key
    assert DeviceSecrets.from_bytes(rotated.to_bytes()) == rotated


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_voucher_is_refused_with_our_error(house: House, data: st.DataObject) -> None:
    voucher = bytearray(
        _VOUCHER.setdefault(id(house), house.sealer.seal(picture(house.listed[0]), attachment(), 400))
    )
    place = data.draw(st.integers(0, len(voucher) - 1))
    voucher[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises((VoucherMalformed, VoucherRefused)):
        house.opener.arrive(bytes(voucher), house.enrolment)


_VOUCHER: dict[int, bytes] = {}


@given(st.binary(max_size=400))
def test_any_bytes_as_an_enrolment_give_our_error(data: bytes) -> None:
    for candidate in (data, b"TE\1\0" + data):
        with pytest.raises((VoucherMalformed, VoucherRefused)):
            Enrolment.parse(candidate)


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\u202eb"])
def test_a_name_that_no_database_or_page_should_hold_is_refused(name: str) -> None:
    secrets = DeviceSecrets.generate(os.urandom)
    for account, device in ((name, "PHONE"), ("@ann:example.org", name)):
        with pytest.raises(VoucherMalformed):
            Enrolment.parse(enrol(account, device, bytes(32), secrets))


@pytest.mark.parametrize("identity", ["01" + "00" * 31, "00" * 32, "ec" + "ff" * 30 + "7f"])
def test_an_identity_under_which_anything_is_signed_is_refused(identity: str) -> None:
    """Keys of small order verify signatures that nobody made: such a device could deny all that it sent."""
    key, signature = bytes.fromhex(identity), b"\1" + bytes(31) + bytes(32)
    accepted = 0
    for number in range(32):
        device = f"PHONE{number}"
        data = Enrolment("@ann:example.org", device, bytes(32), bytes(32), key).unsigned() + signature
        with contextlib.suppress(VoucherRefused):
            Enrolment.parse(data)
            accepted += 1
    assert accepted == 0


@given(st.binary(max_size=wire.INNER_BYTES))
def test_any_bytes_as_an_inner_part_give_our_error_or_a_body(house: House, data: bytes) -> None:
    for candidate in (data, (b"\1\1\x50\x18" + data).ljust(wire.INNER_BYTES, b"\0")):
        with contextlib.suppress(VoucherMalformed):
            wire.Inner.from_bytes(candidate, house.parameters)


@given(st.binary(max_size=120))
def test_any_bytes_as_stored_shares_give_our_error_or_shares(data: bytes) -> None:
    with contextlib.suppress(VoucherMalformed):
        assert Opened.from_bytes(data).to_bytes() == data


def test_a_point_that_is_no_group_element_is_refused(house: House) -> None:
    voucher = bytearray(house.sealer.seal(None, attachment(), 500))
    for bad in (bytes(32), b"\xff" * 32):
        voucher[92:124] = bad
        unsigned = bytes(voucher[:-64])
        with pytest.raises(VoucherMalformed):
            house.opener.arrive(unsigned + house.secrets.signing_key().sign(unsigned), house.enrolment)


def test_too_long_names_and_references_are_refused() -> None:
    with pytest.raises(VoucherMalformed):
        replace(attachment(), message="m" * 193)
    with pytest.raises(VoucherMalformed):
        replace(attachment(), franking=bytes(257))
    with pytest.raises(VoucherMalformed):
        Enrolment("", "d", bytes(32), bytes(32), bytes(32)).unsigned()

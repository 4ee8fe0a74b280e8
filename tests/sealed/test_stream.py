from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.errors import TutelaError
from tutela.sealed import (
    SealedError,
    generate_keypair,
    open_file,
    open_stream,
    public_key,
    seal_file,
    seal_stream,
)
from tutela.sealed.stream import CHUNK_BYTES, HEADER_BYTES, TAG_BYTES

PRIVATE, PUBLIC = generate_keypair()
FULL = CHUNK_BYTES + TAG_BYTES


class Dribble(io.BytesIO):
    """Gives short reads, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 5000) if size and size > 0 else size)


def seal(data: bytes) -> bytes:
    out = io.BytesIO()
    assert seal_stream(Dribble(data), out, PUBLIC) == len(data)
    return out.getvalue()


def unseal(data: bytes, key: bytes = PRIVATE) -> bytes:
    out = io.BytesIO()
    size = open_stream(Dribble(data), out, key)
    assert size == len(out.getvalue())
    return out.getvalue()


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@given(st.one_of(st.integers(0, 300), st.integers(0, 3 * CHUNK_BYTES)))
def test_any_size_round_trips(size: int) -> None:
    assert unseal(seal(content(size))) == content(size)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_sizes_at_the_edges_of_chunks(size: int) -> None:
    sealed = seal(content(size))
    chunks = max(1, -(-size // CHUNK_BYTES))
    assert len(sealed) == HEADER_BYTES + size + chunks * TAG_BYTES
    assert unseal(sealed) == content(size)


def test_each_flipped_byte_is_refused() -> None:
    sealed = seal(b"an ordinary letter")
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(SealedError):
            unseal(bytes(changed))


@given(st.integers(0, 2 * FULL + 100), st.integers(1, 255))
def test_a_flipped_byte_of_a_long_file_is_refused(index: int, mask: int) -> None:
    sealed = bytearray(LONG)
    sealed[index] ^= mask
    with pytest.raises(SealedError):
        unseal(bytes(sealed))


LONG = seal(content(2 * CHUNK_BYTES + 777))


@given(st.integers(0, len(LONG) - 1))
def test_every_truncation_is_refused(length: int) -> None:
    with pytest.raises(SealedError):
        unseal(LONG[:length])


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_truncation_between_chunks_is_refused(chunks: int) -> None:
    with pytest.raises(SealedError):
        unseal(LONG[: HEADER_BYTES + chunks * FULL])


def test_swapped_repeated_and_dropped_chunks_are_refused() -> None:
    header, body = LONG[:HEADER_BYTES], LONG[HEADER_BYTES:]
    first, second, last = body[:FULL], body[FULL : 2 * FULL], body[2 * FULL :]
    for forged in (second + first + last, first + first + last, second + last, first + second + last + last):
        with pytest.raises(SealedError):
            unseal(header + forged)


def test_chunks_of_another_file_to_the_same_recipient_are_refused() -> None:
    other = seal(content(2 * CHUNK_BYTES + 777))
    with pytest.raises(SealedError):
        unseal(LONG[: HEADER_BYTES + FULL] + other[HEADER_BYTES + FULL :])


@given(st.binary(min_size=1, max_size=40))
def test_appended_bytes_are_refused(tail: bytes) -> None:
    with pytest.raises(SealedError):
        unseal(seal(b"letter") + tail)


def test_another_recipient_cannot_open() -> None:
    with pytest.raises(SealedError, match="another key"):
        unseal(LONG, generate_keypair()[0])


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), b"\1" + bytes(31)])
def test_unusable_public_keys_are_refused(key: bytes) -> None:
    with pytest.raises(SealedError):
        seal_stream(io.BytesIO(b"x"), io.BytesIO(), key)


def test_private_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(SealedError):
        unseal(LONG, b"short")
    assert public_key(PRIVATE) == PUBLIC


@given(st.binary(max_size=400), st.booleans())
def test_only_our_error_escapes(noise: bytes, prefixed: bool) -> None:
    with pytest.raises(TutelaError):
        unseal(b"tutelaS1" + noise if prefixed else noise)


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    clear, sealed, opened = tmp_path / "clear", tmp_path / "sealed", tmp_path / "opened"
    clear.write_bytes(content(100_000))
    assert seal_file(clear, sealed, PUBLIC) == 100_000
    assert open_file(sealed, opened, PRIVATE) == 100_000
    assert opened.read_bytes() == clear.read_bytes()
    assert sealed.stat().st_mode & 0o777 == opened.stat().st_mode & 0o777 == 0o600
    opened.unlink()
    sealed.write_bytes(sealed.read_bytes()[:-1])
    with pytest.raises(SealedError):
        open_file(sealed, opened, PRIVATE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clear", "sealed"]
    with pytest.raises(TutelaError):
        seal_file(tmp_path / "absent", sealed, PUBLIC)


class Pattern(io.RawIOBase):
    """Gives 64 MiB without holding them."""

    def __init__(self) -> None:
        self.left = 64 << 20

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


class Hole(io.RawIOBase):
    def write(self, data: object, /) -> int:
        return len(data)  # type: ignore[arg-type]


def test_memory_stays_constant() -> None:
    import tracemalloc

    tracemalloc.start()
    assert seal_stream(Pattern(), Hole(), PUBLIC) == 64 << 20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20

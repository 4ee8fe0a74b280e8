"""Files made to mislead, exhaust or crash: each gives a typed error, and nothing is decoded first."""

from __future__ import annotations

import random
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tutela.errors import InputError
from tutela.fingerprint import (
    DamagedPicture,
    EmptyFile,
    FileTooLarge,
    Fingerprint,
    FingerprintError,
    Limits,
    TooManyPixels,
    TooManyScans,
    TruncatedPicture,
    UnreadableFile,
    UnsupportedPicture,
    derivative,
    fingerprint,
    fingerprint_file,
)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def with_jpeg_size(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def test_every_error_is_an_input_error_with_code_and_hint() -> None:
    for kind in FingerprintError.__subclasses__():
        assert issubclass(kind, InputError)
        assert kind.code.startswith("fingerprint.")
    codes = [kind.code for kind in FingerprintError.__subclasses__()]
    assert len(set(codes)) == len(codes) == 8


def test_no_bytes() -> None:
    with pytest.raises(EmptyFile) as caught:
        fingerprint(b"")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><svg/>", "SVG"),
        (b"II*\x00" + bytes(40), "TIFF"),
        (b"BM" + bytes(60), "BMP"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "film"),
        (b"hello", "not a picture"),
        (b"\x89PNG", "not a picture"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "not a picture"),
        (bytes(1000), "not a picture"),
    ],
)
def test_what_is_no_picture(data, word) -> None:
    with pytest.raises(UnsupportedPicture, match=word) as caught:
        fingerprint(data)
    assert "JPEG" in caught.value.hint


def test_half_files_are_truncated(files) -> None:
    for name, data in files.items():
        for cut in (len(data) // 2, len(data) * 3 // 4):
            with pytest.raises(FingerprintError) as caught:
                fingerprint(data[:cut])
            assert isinstance(caught.value, TruncatedPicture), (name, cut, caught.value.message)


def test_bare_headers_are_refused(files) -> None:
    for data in files.values():
        for cut in (12, 16, 24, 32):
            with pytest.raises(FingerprintError):
                fingerprint(data[:cut])


def test_pixels_are_counted_in_the_header(make_pattern, make_file) -> None:
    small = make_file(make_pattern(64, 64), "JPEG")
    for data in (
        png(60_000, 60_000, chunk(b"IDAT", zlib.compress(b"x"))),
        png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", zlib.compress(b"x"))),
        png(12_000, 10_000, chunk(b"IDAT", zlib.compress(b"x"))),
        png(100_000, 2, chunk(b"IDAT", zlib.compress(b"x"))),
        with_jpeg_size(small, 65_000, 65_000),
        with_jpeg_size(small, 12_000, 10_000),
        b"GIF89a"
        + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0)
        + bytes(6)
        + b","
        + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0)
        + b"\x02\x02\x44\x01\x00;",
    ):
        with pytest.raises(TooManyPixels):
            fingerprint(data)


def test_a_heic_header_is_believed_before_decoding(files) -> None:
    data = bytearray(files["HEIC"])
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 12_000, 10_000)
    with pytest.raises((TooManyPixels, DamagedPicture)):
        fingerprint(bytes(data))


def test_a_picture_without_pixels_is_damaged(make_pattern, make_file) -> None:
    with pytest.raises(FingerprintError):
        fingerprint(png(0, 10, chunk(b"IDAT", zlib.compress(b""))))
    with pytest.raises(FingerprintError):
        fingerprint(with_jpeg_size(make_file(make_pattern(64, 64), "JPEG"), 0, 0))


def test_limits_are_kept(files) -> None:
    with pytest.raises(FileTooLarge):
        fingerprint(files["PNG"], limits=Limits(bytes=100))
    for data in files.values():
        with pytest.raises(TooManyPixels):
            fingerprint(data, limits=Limits(pixels=1000))
        with pytest.raises(TooManyPixels):
            fingerprint(data, limits=Limits(side=50))


def test_a_long_thin_picture_within_the_limits_is_hashed(make_file) -> None:
    from PIL import Image

    thin = Image.fromarray(np.random.default_rng(1).integers(0, 256, (6, 60_000), dtype=np.uint8))
    found = fingerprint(make_file(thin, "PNG"))
    assert (found.width, found.height) == (60_000, 6)


def test_a_compressed_bomb_in_metadata_is_harmless() -> None:
    bomb = b"Comment\x00\x00" + zlib.compress(bytes(80_000_000), 9)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\x00" + bytes(range(40)) for _ in range(40))))
    try:
        found = fingerprint(png(40, 40, chunk(b"zTXt", bomb), pixels))
    except FingerprintError:
        return
    assert found.width == 40


def test_a_jpeg_of_many_scans_is_refused(make_pattern, make_file) -> None:
    data = make_file(make_pattern(64, 64), "JPEG", progressive=True)
    scan = data[data.index(b"\xff\xda") : data.index(b"\xff\xda") + 40]
    with pytest.raises(TooManyScans):
        fingerprint(data[:-2] + scan * 200 + data[-2:])


def test_a_jpeg_of_many_segments_is_refused(make_pattern, make_file) -> None:
    data = make_file(make_pattern(64, 64), "JPEG")
    with pytest.raises(DamagedPicture):
        fingerprint(data[:2] + b"\xff\xfe\x00\x02" * 6000 + data[2:])


def test_a_gif_with_thousands_of_frames_costs_one(make_pattern, make_file) -> None:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    data = (
        b"GIF89a"
        + struct.pack("<HHBBB", 40, 30, 0x80, 0, 0)
        + b"\x00\x00\x00\xff\xff\xff"
        + frame * 20_000
        + b";"
    )
    found = fingerprint(data)
    assert (found.width, found.height) == (40, 30)


@pytest.mark.parametrize("name", ["missing.jpg", ""])
def test_files_that_cannot_be_read(tmp_path, name) -> None:
    with pytest.raises(UnreadableFile) as caught:
        fingerprint_file(tmp_path / name)
    assert caught.value.hint


def test_a_file_beyond_the_limit_is_not_read_whole(tmp_path) -> None:
    file = tmp_path / "large.jpg"
    with file.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(FileTooLarge):
        fingerprint_file(file, limits=Limits(bytes=1000))


def mutate(data: bytes, seed: int) -> bytes:
    """Return `data` with bytes changed, cut out, repeated or swapped."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16, 64])):
        at = chance.randrange(len(changed))
        if chance.random() < 0.3:  # headers are where parsers break
            at = chance.randrange(min(len(changed), 200))
        match chance.randrange(5):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                changed[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"])
            case 3:
                del changed[at : at + chance.randrange(1, 60)]
            case _:
                changed[at:at] = changed[at : at + chance.randrange(1, 60)]
        changed = changed or bytearray(b"\x00")
    return bytes(changed)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**63), choice=st.integers(0, 2**31), path=st.sampled_from(["auto", "exact"]))
def test_mutated_files_give_a_fingerprint_or_a_typed_error(files, seed, choice, path) -> None:
    data = mutate(files[sorted(files)[choice % len(files)]], seed)
    try:
        found = fingerprint(data, path=path, limits=Limits(pixels=4_000_000))
        assert isinstance(found, Fingerprint)
        assert len(derivative(data)) <= 2400
    except FingerprintError as error:
        assert error.message  # noqa: PT017  either outcome is right


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from(
        [
            b"",
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"RIFF\x40\x00\x00\x00WEBP",
            b"\x00\x00\x00\x18ftypavif",
            b"\x00\x00\x00\x18ftypheic",
        ]
    ),
)
def test_any_bytes_give_a_fingerprint_or_a_typed_error(body, start) -> None:
    try:
        fingerprint(start + body)
    except FingerprintError as error:
        assert error.message  # noqa: PT017  either outcome is right


@pytest.mark.parametrize("start", [b"hvc1", b"Exif"])
def test_an_item_that_is_not_text_does_not_end_the_process(start, data_folder) -> None:
    data = bytearray((data_folder / "pattern-turned.heic").read_bytes())
    at = data.index(start, data.index(b"iinf"))
    data[at] = 0x91
    with pytest.raises(DamagedPicture):
        fingerprint(bytes(data))

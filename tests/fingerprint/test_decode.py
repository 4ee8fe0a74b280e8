from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tutela.fingerprint import Fingerprint, fingerprint, hamming, pdq
from tutela.fingerprint.decode import Limits, decode

UPRIGHT_TO_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def hash_of(image: Image.Image) -> bytes:
    return pdq.compute(np.asarray(image.convert("RGB"))).bits


def test_every_format_is_recognised_by_content(files, make_pattern) -> None:
    expected = hash_of(make_pattern(96, 80))
    for name, data in files.items():
        found = fingerprint(data)
        assert isinstance(found, Fingerprint)
        assert found.format == {"progressive": "JPEG"}.get(name, name)
        assert found.path == "exact"
        if name != "HEIC":  # another pattern
            assert (found.width, found.height) == (96, 80)
            assert hamming(found.pdq, expected) <= 31, name


def test_digests_are_those_of_the_file(files) -> None:
    import hashlib

    for data in files.values():
        found = fingerprint(data)
        assert found.sha256 == hashlib.sha256(data).digest()
        assert found.md5 == hashlib.md5(data).digest()


def test_digests_beside_decoding_are_the_same(make_pattern, make_file) -> None:
    import hashlib

    rough = np.random.default_rng(3).integers(0, 256, (600, 700, 3), dtype=np.uint8)
    data = make_file(Image.fromarray(rough), "JPEG", quality=95)
    assert len(data) > 256 * 1024
    assert fingerprint(data).sha256 == hashlib.sha256(data).digest()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True})]
)
def test_a_turned_file_hashes_as_the_upright_picture(
    orientation, kind, options, make_pattern, make_file
) -> None:
    upright = make_pattern(260, 180)
    turn = UPRIGHT_TO_STORED[orientation]
    stored = upright.transpose(turn) if turn is not None else upright
    found = fingerprint(make_file(stored, kind, exif=exif(orientation), **options))
    assert (found.width, found.height) == (260, 180)
    limit = 0 if kind != "JPEG" else 8  # JPEG loses differently when it is stored turned
    assert hamming(found.pdq, hash_of(upright)) <= limit


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("path", ["exact", "fast"])
def test_turning_by_weights_equals_turning_pixels(orientation, path, make_pattern, make_file) -> None:
    data = make_file(make_pattern(1100, 777), "JPEG", exif=exif(orientation), quality=90)
    raster = decode(data, Limits(), reduced=False)
    by_pixels = pdq.compute(np.ascontiguousarray(raster.upright()))
    found = fingerprint(data, path=path)
    assert (found.width, found.height) == raster.upright().shape[1::-1]
    assert found.path == path
    assert hamming(found.pdq, by_pixels.bits) <= (0 if path == "exact" else 6)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_avif_is_turned_upright(orientation, make_pattern, make_file) -> None:
    upright = make_pattern(260, 180)
    turn = UPRIGHT_TO_STORED[orientation]
    stored = upright.transpose(turn) if turn is not None else upright
    found = fingerprint(make_file(stored, "AVIF", quality=90, exif=exif(orientation)))
    assert (found.width, found.height) == (260, 180)
    assert hamming(found.pdq, hash_of(upright)) <= 10


def test_heic_is_turned_upright_once(data_folder) -> None:
    straight = fingerprint((data_folder / "pattern.heic").read_bytes())
    turned = fingerprint((data_folder / "pattern-turned.heic").read_bytes())
    assert (straight.width, straight.height) == (turned.width, turned.height) == (320, 240)
    assert hamming(straight.pdq, turned.pdq) <= 8


def test_broken_exif_does_not_matter(make_pattern, make_file) -> None:
    image = make_pattern(200, 150)
    for block in (
        b"Exif\x00\x00",
        b"Exif\x00\x00II*\x00\xff\xff\xff\xff",
        b"Exif\x00\x00" + bytes(40),
        exif(77),
    ):
        found = fingerprint(make_file(image, "JPEG", exif=block))
        assert (found.width, found.height) == (200, 150)


def test_broken_colour_profiles_do_not_matter(make_pattern, make_file) -> None:
    image = make_pattern(200, 150)
    for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
        found = fingerprint(make_file(image, kind, icc_profile=b"no profile" * 40))
        assert hamming(found.pdq, hash_of(image)) <= 16


def test_transparency_lies_over_white(make_pattern, make_file) -> None:
    image = make_pattern(200, 150).convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 200).astype(np.uint8), (150, 1))))
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True})):
        assert hamming(fingerprint(make_file(image, kind, **options)).pdq, hash_of(white)) <= 2
    grey = image.convert("LA")
    assert hamming(fingerprint(make_file(grey, "PNG")).pdq, hash_of(white.convert("L"))) <= 2


def test_a_transparent_palette_colour_is_white(make_file) -> None:
    image = Image.new("P", (80, 60), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(1, (20, 10, 50, 50))
    seen = Image.new("RGB", image.size, "white")
    seen.paste((255, 0, 0), (20, 10, 50, 50))
    for kind in ("PNG", "GIF"):
        assert fingerprint(make_file(image, kind, transparency=0)).pdq == hash_of(seen)


def test_sixteen_bit_grey_keeps_its_high_byte(make_pattern, make_file) -> None:
    grey = np.asarray(make_pattern(200, 150).convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 256 + 77)
    data = make_file(deep, "PNG")
    assert data[24] == 16  # bit depth in the header
    assert fingerprint(data).pdq == pdq.compute(grey).bits


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_other_png_modes_hash_as_their_colours(mode, make_pattern, make_file) -> None:
    image = make_pattern(200, 150).convert(mode)
    assert fingerprint(make_file(image, "PNG")).pdq == hash_of(image)


def test_cmyk_jpeg_hashes_as_its_colours(make_pattern, make_file) -> None:
    image = make_pattern(900, 700)
    found = fingerprint(make_file(image.convert("CMYK"), "JPEG", quality=95))
    assert found.path == "exact"
    assert hamming(found.pdq, hash_of(image)) <= 4


def test_grey_and_rgb_coded_jpeg(make_pattern, make_file) -> None:
    image = make_pattern(900, 700)
    for stored, options in (
        (image.convert("L"), {}),
        (image, {"keep_rgb": True}),
        (image, {"subsampling": 0}),
    ):
        data = make_file(stored, "JPEG", quality=95, **options)
        for path in ("exact", "fast"):
            assert hamming(fingerprint(data, path=path).pdq, hash_of(image)) <= 6


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_the_first_frame_of_an_animation_counts(kind, make_pattern, make_file) -> None:
    first, second = make_pattern(160, 120, 1), make_pattern(160, 120, 2)
    data = make_file(first, kind, save_all=True, append_images=[second], duration=40)
    near, far = (hamming(fingerprint(data).pdq, hash_of(image)) for image in (first, second))
    assert near <= 24
    assert far > 60


def test_what_phones_append_is_ignored(make_pattern, make_file) -> None:
    image = make_pattern(700, 600)
    data = make_file(image, "JPEG", progressive=True)
    film = struct.pack(">I4s", 24, b"ftyp") + bytes(16) + b"\xff\xda\x00\x04xx" * 500
    for tail in (b"junk", make_file(make_pattern(64, 64, 2), "JPEG"), film):
        assert fingerprint(data + tail).pdq == fingerprint(data).pdq


def test_several_pictures_in_one_jpeg(make_pattern) -> None:
    stream = io.BytesIO()
    first = make_pattern(400, 300, 1)
    first.save(stream, "MPO", save_all=True, append_images=[make_pattern(400, 300, 2)])
    assert hamming(fingerprint(stream.getvalue()).pdq, hash_of(first)) <= 8


def test_a_name_tells_nothing(tmp_path, make_pattern, make_file) -> None:
    from tutela.fingerprint import fingerprint_file

    file = tmp_path / "picture.png"
    file.write_bytes(make_file(make_pattern(100, 80), "JPEG"))
    assert fingerprint_file(file).format == "JPEG"


def test_tiny_pictures_have_digests_and_quality_nought(make_file) -> None:
    found = fingerprint(make_file(Image.new("RGB", (1, 1)), "PNG"))
    assert (found.pdq, found.quality, found.width) == (bytes(32), 0, 1)
    assert found.reliability.shape == (256,)


def test_nothing_that_identifies_is_in_the_repr(files) -> None:
    found = fingerprint(files["PNG"])
    assert found.pdq.hex() not in repr(found)
    assert "sha256" not in repr(found)
    assert found == fingerprint(files["PNG"])

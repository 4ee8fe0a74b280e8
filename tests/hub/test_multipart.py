"""The streaming form reader: whole files from any slicing, and nothing but our error from anything else."""

from __future__ import annotations

import contextlib
import io

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.hub.errors import MultipartError, TooLargeError
from tutela.hub.multipart import CHUNK, Multipart, boundary_of


class Dribble:
    """Gives the body in pieces of the given sizes, then in one."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.stream, self.sizes, self.largest = io.BytesIO(data), sizes, 0

    def read(self, size: int, /) -> bytes:
        wanted = self.sizes.pop(0) if self.sizes else size
        return self.stream.read(min(size, wanted))


def form(fields: dict[str, str], files: list[tuple[str, tuple[str, bytes]]]) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://hub.example.org/", data=fields, files=files)
    return request.headers["content-type"], request.read()


def read_all(body, boundary, size=CHUNK):
    parts = Multipart(body, boundary)
    found = []
    while (part := parts.next_part()) is not None:
        data = b""
        while piece := part.read(size):
            data += piece
        found.append((part.name, part.filename, data))
    assert parts.next_part() is None
    return found


@given(
    st.text("abc", max_size=5),
    st.lists(
        st.binary(max_size=300)
        | st.lists(st.sampled_from([b"\r\n", b"--", b"x", b"\r", b"\n"]), max_size=20).map(b"".join),
        max_size=3,
    ),
    st.lists(st.integers(1, 90), max_size=200),
    st.integers(1, 100),
)
def test_any_slicing_gives_the_same_parts(field, files, sizes, size):
    kind, body = form(
        {"id": field},
        [("file", (f"f{n}.bin", data)) for n, data in enumerate(files)] or [("file", ("e", b""))],
    )
    expected = [("id", None, field.encode())] + [("file", f"f{n}.bin", data) for n, data in enumerate(files)]
    found = read_all(Dribble(body, sizes), boundary_of(kind), size)
    assert found[: len(expected)] == expected


@given(st.binary(max_size=400))
def test_content_that_looks_like_a_delimiter_survives(data):
    content = b"\r\n--bound" + data.replace(b"boundary", b"") + b"\r\n--boundar"
    body = (
        b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        + content
        + b"\r\n--boundary--\r\n"
    )
    assert read_all(io.BytesIO(body), b"boundary") == [("file", "x", content)]


@given(st.data())
def test_a_body_that_is_cut_short_is_refused(data):
    kind, body = form({"id": "1"}, [("file", ("a.bin", b"0123456789" * 20))])
    end = body.rindex(b"--", 0, -2)
    cut = data.draw(st.integers(0, end))
    with pytest.raises(MultipartError):
        read_all(io.BytesIO(body[:cut]), boundary_of(kind))


@given(
    st.binary(max_size=300)
    | st.binary(max_size=100).map(lambda b: b'--b\r\nContent-Disposition: form-data; name="id"\r\n' + b)
)
def test_only_our_errors_escape(body):
    with contextlib.suppress(MultipartError):
        read_all(io.BytesIO(body), b"b")


@given(st.text(max_size=80) | st.text(max_size=40).map(lambda t: "multipart/form-data; boundary=" + t))
def test_only_our_errors_escape_from_the_header(header):
    with contextlib.suppress(MultipartError):
        boundary_of(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "text/xml",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 71}",
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary*=utf-8''a; boundary*0=b",
    ],
)
def test_unusable_content_types(header):
    with pytest.raises(MultipartError):
        boundary_of(header)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"--b\r\n\r\nx\r\n--b--", "headers|name"),
        (b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", "name"),
        (b"--b\r\nX: " + b"y" * 9000, "headers"),
        (b"z" * 70_000 + b"\r\n--b--", "begin"),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 20 + b"--b--", "16 parts"),
    ],
)
def test_malformed_bodies(body, words):
    with pytest.raises(MultipartError, match=words):
        read_all(io.BytesIO(body), b"b")


def test_names_lose_control_characters_and_fields_are_bounded():
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\x00b\tc.png"\r\n\r\nx\r\n--b--'
    assert read_all(io.BytesIO(body), b"b")[0][1] == "abc.png"
    parts = Multipart(io.BytesIO(body.replace(b"\r\nx\r\n", b"\r\n" + b"x" * 2000 + b"\r\n")), b"b")
    part = parts.next_part()
    assert part is not None
    with pytest.raises(TooLargeError):
        part.text()

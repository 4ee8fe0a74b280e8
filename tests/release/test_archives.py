"""What another's archive holds is theirs to choose: the difference is said all the same."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from tutela.release import archives

LARGE = archives.MAX_UNPACKED + 1


def wheel(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", content)
    return file.getvalue()


def source(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a.py")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return gzip.compress(file.getvalue(), 1)


@pytest.mark.parametrize(("name", "pack"), [("a.whl", wheel), ("a.tar.gz", source)])
def test_what_unpacks_to_too_much_is_not_unpacked(name: str, pack: object) -> None:
    assert callable(pack)
    large = pack(bytes(LARGE))
    assert len(large) < LARGE // 100
    assert archives.difference(name, large, pack(b"x")) == f"{name} cannot be read as an archive"
    assert archives.difference(name, pack(b"y"), pack(b"x")) == f"{name}: a.py differs in its content"


def test_what_does_not_decompress_is_said() -> None:
    data = bytearray(wheel(b"x" * 99))
    data[34:44] = b"\xff" * 10
    assert archives.difference("a.whl", bytes(data), wheel(b"x")) == "a.whl cannot be read as an archive"

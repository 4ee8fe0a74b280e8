"""What the distribution room reads: paths and ranges by itself, statements through python-tuf."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.exceptions import FormatError
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signer

from tutela.distribution import Organisation, Repository, RoleKeys, Updater, signer
from tutela.distribution.errors import NotThere
from tutela.distribution.paths import check, check_pattern, epoch_numbers, stored
from tutela.distribution.source import Body, content_range
from tutela.distribution.state import State
from tutela.errors import TutelaError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_KEYS = [signer(bytes([number]) * 32) for number in range(1, 5)]


class _Given:
    """A repository that holds what it was given."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    @contextmanager
    def open(self, name: str, start: int = 0) -> Iterator[Body]:
        if name not in self.files:
            raise NotThere
        data = self.files[name][start:]
        yield Body(start, len(data), iter((data,)))


def _made() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        roles = {
            name: RoleKeys.of([key])
            for name, key in zip(("root", "targets", "snapshot", "timestamp"), _KEYS, strict=True)
        }
        by = Organisation("builder", RoleKeys.of([_KEYS[1]]), ("epochs/*/*",))
        Repository(Path(folder)).create(roles, [by], _KEYS, NOW)
        return {f"metadata/{file.name}": file.read_bytes() for file in (Path(folder) / "metadata").iterdir()}


FILES = _made()


def roots() -> tuple[bytes, ...]:
    return (FILES["metadata/1.root.json"],)


def timestamps() -> tuple[bytes, ...]:
    return (FILES["metadata/timestamp.json"],)


def root(data: bytes) -> None:
    """A root from outside that somebody took for the program's own."""
    with tempfile.TemporaryDirectory() as folder:
        Updater(_Given(FILES), Path(folder), root=data).refresh(NOW)


def timestamp(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = _Given({**FILES, "metadata/timestamp.json": data})
        Updater(given, Path(folder), root=roots()[0]).refresh(NOW)


def snapshots() -> tuple[bytes, ...]:
    return (_said("1.snapshot.json"),)


def targets() -> tuple[bytes, ...]:
    return _said("1.targets.json"), _said("1.builder.json")


def _said(name: str) -> bytes:
    """What a statement of the repository says, without its signatures."""
    return json.dumps(json.loads(FILES[f"metadata/{name}"])["signed"]).encode()


def _signed(said: object, key: Signer) -> bytes:
    """A statement that the right key signed, whatever it says."""
    made = key.sign(encode_canonical(said).encode())
    return json.dumps({"signed": said, "signatures": [made.to_dict()]}).encode()


def _look(changed: dict[str, bytes]) -> None:
    """Look at a repository whose keys signed something odd; the timestamp and the snapshot name no digests."""
    timestamp = json.loads(FILES["metadata/timestamp.json"])["signed"]
    timestamp["meta"] = {"snapshot.json": {"version": 1}}
    snapshot = json.loads(FILES["metadata/1.snapshot.json"])["signed"]
    snapshot["meta"] = {name: {"version": 1} for name in snapshot["meta"]}
    files = {
        **FILES,
        "metadata/timestamp.json": _signed(timestamp, _KEYS[3]),
        "metadata/1.snapshot.json": _signed(snapshot, _KEYS[2]),
        **changed,
    }
    with tempfile.TemporaryDirectory() as folder:
        watch = Updater(_Given(files), Path(folder), root=roots()[0])
        watch.refresh(NOW)
        for each in watch.paths():
            watch.find(each)


def _any(data: bytes) -> object:
    """JSON that can be signed; anything else has no canonical form."""
    try:
        said = json.loads(data)
        encode_canonical(said).encode()
    except (ValueError, TypeError, RecursionError, FormatError) as error:
        raise NotThere from error
    return said


def signed_timestamp(data: bytes) -> None:
    """Beside the snapshot whose digest it names."""
    said = {"metadata/timestamp.json": _signed(_any(data), _KEYS[3])}
    _look({**said, "metadata/1.snapshot.json": FILES["metadata/1.snapshot.json"]})


def signed_timestamps() -> tuple[bytes, ...]:
    return (_said("timestamp.json"),)


def signed_snapshot(data: bytes) -> None:
    _look({"metadata/1.snapshot.json": _signed(_any(data), _KEYS[2])})


def signed_targets(data: bytes) -> None:
    """Said by the repository, and by an organisation that it names."""
    said = _any(data)
    for name in ("targets", "builder"):
        with contextlib.suppress(TutelaError):
            _look({f"metadata/1.{name}.json": _signed(said, _KEYS[1])})
    _look({})


def publisher_state(data: bytes) -> None:
    """A folder that a publisher goes on from, with one file of another hand."""
    for name in ("timestamp.json", "1.snapshot.json", "1.root.json", "1.targets.json"):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "metadata").mkdir()
            for file, content in {**FILES, f"metadata/{name}": data}.items():
                (Path(folder) / file).write_bytes(content)
            with contextlib.suppress(TutelaError):
                State.load(Path(folder))


_SEEN = tempfile.TemporaryDirectory(prefix="tutela-fuzz-")
Updater(_Given(FILES), Path(_SEEN.name), root=roots()[0]).refresh(NOW)
KEPT = sorted(path.relative_to(_SEEN.name) for path in Path(_SEEN.name).rglob("*.json"))


def seen(data: bytes) -> None:
    """What a device kept of its last look, one file of it of another hand: refused, or looked at anew."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(_SEEN.name, folder, dirs_exist_ok=True, symlinks=True)
        kept = Path(folder) / KEPT[len(data) % len(KEPT)]
        kept.unlink()
        kept.write_bytes(data)
        Updater(_Given(FILES), Path(folder), root=roots()[0]).refresh(NOW)


def path(data: bytes) -> None:
    text = data.decode("latin-1")
    epoch_numbers([text])
    assert ".." not in Path(stored(check(text), b"\0" * 32)).parts
    check_pattern(text)


def paths() -> tuple[bytes, ...]:
    return b"epochs/7/manifest.json", b"lists/centre/a.csv", b"epochs/../x"


def ranges(data: bytes) -> None:
    first, total = content_range(data.decode("latin-1"))
    assert first is None or first < total


def range_headers() -> tuple[bytes, ...]:
    return b"bytes 5-9/10", b"bytes */10"


Row = tuple[Callable[[bytes], object], Callable[[], tuple[bytes, ...]], int]

#: name -> (function, seeds, longest), as the rows of `targets`
PARSERS: Mapping[str, Row] = {
    "distribution-root": (root, roots, 8192),
    "distribution-timestamp": (timestamp, timestamps, 2048),
    "distribution-timestamp-signed": (signed_timestamp, signed_timestamps, 2048),
    "distribution-snapshot-signed": (signed_snapshot, snapshots, 2048),
    "distribution-targets-signed": (signed_targets, targets, 4096),
    "distribution-state": (publisher_state, timestamps, 2048),
    "distribution-seen": (seen, timestamps, 2048),
    "distribution-path": (path, paths, 300),
    "distribution-range": (ranges, range_headers, 200),
}

"""Build one commit twice, in two trees that share as little as one machine allows.

Each build has its own clone, at a path of another length and depth, and its own umask, home, user name,
time zone, locale, hash seed and file times. What the environment may decide, it decides differently; if
the bytes are still the same, they follow from the commit alone. `SOURCE_DATE_EPOCH` is the commit's time
(reproducible-builds.org), and no variable of the caller is passed on but `PATH` and the interpreter's own.

Not covered: both builds use this machine's kernel, interpreter, flit_core and zlib. Another release of
zlib may pack the same members into other bytes: `archives.difference` then says so. Whoever wants more
than one machine's word rebuilds on another (`tutela release verify --rebuild`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tutela.release.archives import difference
from tutela.release.errors import BuildFailed, NoSource, NotReproducible, Uncommitted

_TIMEOUT: Final = 300
_BUILD: Final = """
import os, sys
os.umask(int(sys.argv[2], 8))
from flit_core import buildapi
print(buildapi.build_wheel(sys.argv[1]))
print(buildapi.build_sdist(sys.argv[1]))
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a build can see of the machine, as far as we choose it."""

    place: str
    umask: int
    file_time: int
    variables: Mapping[str, str]


#: Two machines as different as one can play: nothing here may reach the bytes.
SURROUNDINGS: Final = (
    Surroundings(
        "a",
        0o022,
        1_000_000_000,
        {"TZ": "UTC", "LC_ALL": "C", "HOME": "/nonexistent", "USER": "alice", "PYTHONHASHSEED": "1"},
    ),
    Surroundings(
        "another/and longer place",
        0o077,
        1_700_000_001,
        {
            "TZ": "Pacific/Kiritimati",
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "tr",
            "HOME": "/",
            "USER": "bob",
            "LOGNAME": "bob",
            "COLUMNS": "40",
            "PYTHONHASHSEED": "424242",
            "PYTHONOPTIMIZE": "1",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its name, and its committer's time in seconds since 1970."""

    name: str
    time: int


@dataclass(frozen=True, slots=True)
class Built:
    """The distributions of one commit: file name -> bytes; and the tree's files that the release quotes."""

    commit: Commit
    files: Mapping[str, bytes]
    quoted: Mapping[str, bytes] = field(default_factory=dict)


def head(source: Path, *, name: str = "HEAD") -> Commit:
    """Return the commit that `name` means in the clone at `source`.

    Raises:
        NoSource: this is no clone, or it lacks the commit.
    """
    said = _git(source, "log", "-1", "--no-show-signature", "--format=%H %ct", "--end-of-options", name, "--")
    commit, seconds = said.decode().split()
    return Commit(commit, int(seconds))


def check_clean(source: Path) -> None:
    """Check that the checkout is its commit and nothing else.

    Raises:
        Uncommitted: a file was changed, or is new and not ignored.
        NoSource: this is no clone.
    """
    changed = [line[3:] for line in _git(source, "status", "--porcelain").decode().splitlines()]
    if changed:
        raise Uncommitted(
            f"{len(changed)} files of the checkout are not those of its commit, {changed[0]} among them.",
            hint="Commit them, or put them away: a release is made of a commit.",
        )


def build_twice(
    source: Path,
    commit: Commit,
    *,
    quote: Sequence[str] = (),
    surroundings: Sequence[Surroundings] = SURROUNDINGS,
) -> Built:
    """Return the distributions of a commit, built in every one of `surroundings` and found equal.

    Args:
        source: a clone that has the commit; its checked-out files are not looked at.
        commit: what is built.
        quote: paths of the commit whose bytes the result carries.
        surroundings: where it is built.

    Raises:
        NotReproducible: two builds differ; the message names the member.
        BuildFailed, NoSource: there is nothing to compare.
    """
    with tempfile.TemporaryDirectory(prefix="tutela-release-") as folder:
        built = [build(source, commit, Path(folder), each, quote=quote) for each in surroundings]
    first = built[0]
    for other in built[1:]:
        compare(first.files, other.files)
    return first


def compare(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> None:
    """Check that two builds gave the same files.

    Raises:
        NotReproducible: they did not; the message names the member that differs.
    """
    for name in sorted(first.keys() ^ second.keys()):
        raise NotReproducible(f"Two builds of one commit differ: only one of them made {name}.")
    for name, data in first.items():
        if said := difference(name, data, second[name]):
            raise NotReproducible(
                f"Two builds of one commit differ. {said}.",
                hint="Find what that member takes from the machine instead of from the commit.",
            )


def build(
    source: Path, commit: Commit, folder: Path, surroundings: Surroundings, *, quote: Sequence[str] = ()
) -> Built:
    """Return the wheel and the source distribution of a commit, built once in a clone below `folder`.

    Raises:
        NoSource: the clone could not be made.
        BuildFailed: flit_core is missing, or refused.
    """
    tree, out = folder / surroundings.place / "tree", folder / surroundings.place / "out"
    out.mkdir(parents=True)
    _clone(source, commit, tree, surroundings)
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment |= {**surroundings.variables, "SOURCE_DATE_EPOCH": str(commit.time)}
    command = [sys.executable, "-P", "-c", _BUILD, str(out), oct(surroundings.umask)]
    try:
        done = subprocess.run(  # noqa: S603 (our interpreter, our script)
            command, cwd=tree, env=environment, capture_output=True, check=False, timeout=_TIMEOUT
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildFailed("The build did not end.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [""]
        raise BuildFailed(f"The build failed: {said[-1][:200]}", hint="Is flit_core installed? `make setup`.")
    files = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    return Built(commit, files, {name: _quoted(tree, name) for name in quote})


def _clone(source: Path, commit: Commit, tree: Path, surroundings: Surroundings) -> None:
    """Clone into `tree` under the build's umask, and give every file the build's time."""
    mask = surroundings.umask
    _git(source, "clone", "--quiet", "--no-hardlinks", "--no-checkout", ".", str(tree), umask=mask)
    _git(tree, "checkout", "--quiet", "--detach", commit.name, umask=mask)
    for folder, _, names in os.walk(tree):
        for name in names:
            os.utime(Path(folder, name), (surroundings.file_time,) * 2, follow_symlinks=False)


def _quoted(tree: Path, name: str) -> bytes:
    try:
        return (tree / name).read_bytes()
    except OSError as error:
        raise NoSource(f"The commit has no {name}.") from error


def _git(folder: Path, *words: str, umask: int = -1) -> bytes:
    """Run git without the caller's configuration, and return what it says."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*", *words]
    try:
        done = subprocess.run(  # noqa: S603 (words of this module)
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            check=True,
            timeout=_TIMEOUT,
            umask=umask,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoSource(
            f"git could not {words[0]}: no clone is here, or it lacks the commit.",
            hint="Run this in a clone of the source, or name one with --source.",
        ) from error
    return done.stdout

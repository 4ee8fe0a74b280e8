"""Two builds are the same bytes; whatever is not is refused by name."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.release.conftest import git

from tutela.release import builds, making
from tutela.release.archives import difference
from tutela.release.errors import BuildFailed, NoSource, NotReproducible, Uncommitted

WHEEL, SDIST = "tutela-0.1.0-py3-none-any.whl", "tutela-0.1.0.tar.gz"


def test_the_surroundings_differ_in_all_that_we_choose() -> None:
    first, second = builds.SURROUNDINGS
    assert first.umask != second.umask
    assert first.file_time != second.file_time
    assert len(Path(first.place).parts) != len(Path(second.place).parts)
    for name in ("TZ", "LC_ALL", "HOME", "USER", "PYTHONHASHSEED"):
        assert first.variables[name] != second.variables[name]


def test_two_builds_at_two_moments_are_the_same_bytes(clone: Path, made: dict[str, bytes]) -> None:
    assert {WHEEL, SDIST} < made.keys()
    assert making.make(clone, builds.head(clone)) == made


def test_a_build_really_runs_in_its_surroundings(clone: Path, tmp_path: Path) -> None:
    for each in builds.SURROUNDINGS:
        builds.build(clone, builds.head(clone), tmp_path, each)
        file = tmp_path / each.place / "tree" / "pyproject.toml"
        assert file.stat().st_mtime == each.file_time
        assert file.stat().st_mode & 0o777 == 0o666 & ~each.umask


def test_a_build_that_takes_something_from_the_machine_is_refused_and_named(
    clone: Path, tmp_path: Path
) -> None:
    spoiled = tmp_path / "spoiled"
    git(tmp_path, "clone", "--quiet", str(clone), str(spoiled))
    backend = spoiled / "backend" / "flit_core"
    backend.mkdir(parents=True)
    (backend / "__init__.py").write_text("")
    (backend / "buildapi.py").write_text(
        "import os, zipfile\n"
        "def build_wheel(out):\n"
        f"    with zipfile.ZipFile(os.path.join(out, '{WHEEL}'), 'w') as made:\n"
        "        made.writestr(zipfile.ZipInfo('tutela/same.py'), 'same')\n"
        "        made.writestr(zipfile.ZipInfo('tutela/built_by.py'), os.environ['USER'])\n"
        "def build_sdist(out): pass\n"
    )
    git(spoiled, "add", "--all")
    git(spoiled, "commit", "--quiet", "--message", "A back end that looks around")
    each = [replace(one, variables={**one.variables, "PYTHONPATH": "backend"}) for one in builds.SURROUNDINGS]
    with pytest.raises(NotReproducible, match=r"tutela/built_by\.py differs in its content"):
        builds.build_twice(spoiled, builds.head(spoiled), surroundings=each)
    same = [replace(one, variables={**one.variables, "USER": "carol"}) for one in each]
    assert WHEEL in builds.build_twice(spoiled, builds.head(spoiled), surroundings=same).files


def rezipped(data: bytes, *, mode: int = 0, level: int = 9, year: int = 0, content: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            body = old.read(member)
            if member.filename == "tutela/errors.py":
                body = content or body
                member.external_attr = mode << 16 or member.external_attr
                member.date_time = (year or member.date_time[0], *member.date_time[1:])
            new.writestr(member, body, compresslevel=level)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"content": b"# other\n"}, "tutela/errors.py differs in its content"),
        ({"mode": 0o100600}, "tutela/errors.py differs in its mode"),
        ({"year": 1999}, "tutela/errors.py differs in its time"),
        ({"level": 1}, "every member is the same, but they are packed differently"),
    ],
)
def test_a_planted_difference_of_a_wheel_is_named(
    made: dict[str, bytes], change: dict[str, int], said: str
) -> None:
    with pytest.raises(NotReproducible, match=said):
        builds.compare({WHEEL: made[WHEEL]}, {WHEEL: rezipped(made[WHEEL], **change)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "value", "said"), [("mtime", 1, "time"), ("mode", 0o600, "mode"), ("uname", "bob", "owner")]
)
def test_a_planted_difference_of_a_source_distribution_is_named(
    made: dict[str, bytes], fact: str, value: object, said: str
) -> None:
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=gzip.open(io.BytesIO(made[SDIST]))) as old,
        tarfile.open(None, "w:gz", out) as new,
    ):
        for member in old:
            if member.name.endswith("/src/tutela/errors.py"):
                setattr(member, fact, value)
            new.addfile(member, old.extractfile(member))
    assert difference(SDIST, made[SDIST], out.getvalue()) == (
        f"{SDIST}: tutela-0.1.0/src/tutela/errors.py differs in its {said}"
    )


def test_what_only_one_build_made_is_named(made: dict[str, bytes]) -> None:
    with pytest.raises(NotReproducible, match="only one of them made"):
        builds.compare({WHEEL: made[WHEEL]}, {})
    assert "cannot be read" in difference(WHEEL, made[WHEEL], b"PK")


def test_a_changed_checkout_is_no_release(clone: Path, tmp_path: Path) -> None:
    builds.check_clean(clone)
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(clone), str(copy))
    (copy / "README.md").write_text("changed")
    with pytest.raises(Uncommitted, match=r"README\.md"):
        builds.check_clean(copy)


def test_no_clone_and_no_commit_are_said(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSource):
        builds.head(tmp_path)
    with pytest.raises(NoSource):
        builds.head(clone, name="0" * 40)


def test_a_build_that_fails_is_said(clone: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    git(tmp_path, "clone", "--quiet", str(clone), str(broken))
    (broken / "pyproject.toml").write_text("[project]\n")
    git(broken, "commit", "--quiet", "--all", "--message", "Broken")
    with pytest.raises(BuildFailed):
        builds.build_twice(broken, builds.head(broken))


def test_the_installed_wheel_has_every_file_of_the_tree(
    clone: Path, made: dict[str, bytes], tmp_path: Path
) -> None:
    """Templates, static files, masks and schemas too: what the tree has, the installed package has."""
    (tmp_path / WHEEL).write_bytes(made[WHEEL])
    fresh, target = tmp_path / "fresh", tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "venv", str(fresh)], check=True, capture_output=True, timeout=120)
    command = [str(fresh / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*command, "--no-compile", "--target", str(target), str(tmp_path / WHEEL)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    installed = {path.relative_to(target): path for path in (target / "tutela").rglob("*") if path.is_file()}
    tree = {path.relative_to(clone / "src"): path for path in (clone / "src").rglob("*") if path.is_file()}
    assert installed.keys() == tree.keys()
    assert all(path.read_bytes() == tree[name].read_bytes() for name, path in installed.items())
    assert {path.suffix for path in installed} >= {".html", ".css", ".js", ".svg", ".xsd", ".toml", ".typed"}

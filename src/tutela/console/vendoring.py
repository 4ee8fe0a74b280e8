"""Fetch, strip and note the compiled assets in `static/vendor`.

`python -m tutela.console.vendoring` packs the packages that `vendor.toml` names with npm (no install
scripts run), checks the tarballs, strips the files and writes their digests back. It is a maintainer's
act: the result is committed, so that nobody else needs npm.

Stripped: web fonts (licensed for one government's sites only), the crest, source-map references.
"""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from tutela.errors import EnvironmentProblem, VerificationError

VENDOR = Path(__file__).parent / "static" / "vendor"
NOTES = VENDOR / "vendor.toml"
FONTS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Ubuntu,Cantarell,"Helvetica Neue",sans-serif'
_LIMIT = 32 * 1024 * 1024

_FONT_FACE = re.compile(r"@font-face\{[^}]*\}")
_CREST = re.compile(r"\.govuk-footer__copyright-logo:before\{[^}]*\}")
_CREST_IN_SUPPORTS = re.compile(
    r"@supports [^{]*\{" + _CREST.pattern + r"(?:@[^{]*\{[^{]*\{[^}]*\}\})?\}"  # an @media may follow inside
)
_SOURCE_MAP = re.compile(r"(/\*# sourceMappingURL=.*?\*/|//# sourceMappingURL=\S*)\s*")


def strip_css(text: str, images: str) -> str:
    """Return a style sheet without fonts, crest and source map; pictures are looked for in `images`."""
    text = _SOURCE_MAP.sub("", _FONT_FACE.sub("", text))
    text = _CREST.sub("", _CREST_IN_SUPPORTS.sub("", text))
    text = text.replace("GDS Transport,arial,sans-serif", FONTS)
    return text.replace("/assets/images/", f"{images}/")


def strip_js(text: str) -> str:
    """Return a module without its source-map reference."""
    return _SOURCE_MAP.sub("", text)


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def packages() -> list[dict[str, object]]:
    """Return the entries of `vendor.toml`."""
    noted: list[dict[str, object]] = tomllib.loads(NOTES.read_text(encoding="utf-8"))["package"]
    return noted


def pack(name: str, version: str, expected: str) -> dict[str, bytes]:
    """Return the files of one npm package.

    Raises:
        EnvironmentProblem: npm is missing or failed.
        VerificationError: the tarball is not the one that was noted.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise EnvironmentProblem(f"npm could not pack {name}.", hint="Is npm installed?") from error
        data = next(Path(folder).glob("*.tgz")).read_bytes()
    if digest(data) != expected:
        raise VerificationError(f"The tarball of {name} is not the noted one.", hint="See vendor.toml.")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [m for m in archive.getmembers() if m.isfile() and m.size < _LIMIT]
        return {m.name.removeprefix("package/"): archive.extractfile(m).read() for m in members}  # type: ignore[union-attr]


def stripped(name: str, content: bytes, images: str) -> bytes:
    """Return what is committed for one file of a package."""
    if name.endswith(".css"):
        return strip_css(content.decode("utf-8"), images).encode("utf-8")
    return strip_js(content.decode("utf-8")).encode("utf-8") if name.endswith(".js") else content


def main() -> None:
    """Fetch every noted file again and rewrite its digest in `vendor.toml`."""
    notes = NOTES.read_text(encoding="utf-8")
    for package in packages():
        files = pack(str(package["name"]), str(package["version"]), str(package["tarball_sha256"]))
        for entry in package["file"]:  # type: ignore[attr-defined]
            target = VENDOR / entry["path"]
            content = stripped(target.name, files[entry["source"]], "images")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            notes = notes.replace(entry["sha256"], digest(content)) if entry["sha256"] else notes
            sys.stdout.write(f"{digest(content)}  {entry['path']}\n")
    NOTES.write_text(notes, encoding="utf-8")


if __name__ == "__main__":
    main()

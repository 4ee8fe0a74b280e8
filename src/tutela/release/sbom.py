"""The bill of materials: CycloneDX 1.6 as JSON, a function of the commit and the wheel alone.

It lists every package that the hashed requirements of an installation name, each with the SHA-256 of every
distribution that may be installed for it, and the assets of other projects that lie inside the wheel. Its
time is the commit's and its serial number derives from its content, so that whoever rebuilds the release gets
the same bytes. `cyclonedx-python-lib` makes, sorts and validates it.

What it does NOT say: which of the listed packages a given role loads, their licences, or what the operating
system brings (docs/operating.md names those).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from tutela.release.builds import Commit
from tutela.release.errors import BadBillOfMaterials

REQUIREMENTS: Final = "requirements/demo.txt"
VENDORED: Final = "src/tutela/console/static/vendor/vendor.toml"
COMMIT_PROPERTY: Final = "tutela:commit"
MAX_BYTES: Final = 8 * 1024 * 1024
_NIL: Final = UUID(int=0)
_PINNED: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})(?=\s|\\|$)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Package:
    """A package with one version, and the SHA-256 of every distribution that may be installed for it."""

    ecosystem: str
    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def url(self) -> PackageURL:
        """Its package URL."""
        namespace, _, name = self.name.rpartition("/")
        return PackageURL(self.ecosystem, namespace or None, name, self.version)


def requirements(text: str) -> tuple[Package, ...]:
    """Return the packages of a hashed requirements file.

    Raises:
        BadBillOfMaterials: a requirement is not pinned, or bears no hash.
    """
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        if not (stated := line.split("#", 1)[0].strip()):
            continue
        match, hashes = _PINNED.match(stated), _HASH.findall(stated)
        if not match or not hashes:
            raise BadBillOfMaterials(f"A requirement is not pinned with its hashes: {stated[:60]!a}.")
        found.append(Package("pypi", match[1].lower(), match[2], tuple(sorted(hashes))))
    return tuple(found)


def vendored(text: str) -> tuple[Package, ...]:
    """Return the packages whose files are committed, from their table of digests."""
    return tuple(
        Package("npm", entry["name"], entry["version"], (entry["tarball_sha256"],))
        for entry in tomllib.loads(text)["package"]
        if "tarball_sha256" in entry
    )


def make(version: str, commit: Commit, wheel: str, packages: Iterable[Package]) -> bytes:
    """Return the bill of materials of a release.

    Args:
        version: of the release.
        commit: that it was built of.
        wheel: SHA-256 of its wheel, in hex.
        packages: what is installed with it, and what it contains.

    Raises:
        BadBillOfMaterials: the result does not fit the schema of CycloneDX.
    """
    itself = Component(
        name="tutela",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref="tutela",
        purl=PackageURL("pypi", None, "tutela", version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel)],
    )
    when = datetime.fromtimestamp(commit.time, UTC)
    properties = [Property(name=COMMIT_PROPERTY, value=commit.name)]
    parts = [_component(package) for package in packages]
    bom = Bom(
        components=parts,
        serial_number=_NIL,
        metadata=BomMetaData(component=itself, timestamp=when, properties=properties),
    )
    bom.register_dependency(itself, parts)
    bom.serial_number = uuid5(NAMESPACE_URL, _text(bom))
    data = _text(bom).encode()
    validate(data)
    return data


def validate(data: bytes) -> dict[str, Any]:
    """Check a document against the strict schema of CycloneDX 1.6, and return it.

    Raises:
        BadBillOfMaterials: it is too large, no JSON, or does not fit.
    """
    if len(data) > MAX_BYTES:
        raise BadBillOfMaterials(f"The bill of materials is larger than {MAX_BYTES} bytes.")
    try:
        text = data.decode()
        read = json.loads(text)
        refused = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    except (ValueError, RecursionError) as error:
        raise BadBillOfMaterials("The bill of materials is not JSON.") from error
    if refused is not None or not isinstance(read, dict):
        raise BadBillOfMaterials("The bill of materials does not fit the schema of CycloneDX 1.6.")
    return read


def subject(data: bytes) -> tuple[str, Commit, str]:
    """Return which release a document speaks of: its version, its commit and the wheel's SHA-256.

    Raises:
        BadBillOfMaterials: it does not fit the schema, or does not say so.
    """
    metadata = validate(data).get("metadata", {})
    try:
        itself = metadata["component"]
        [commit] = [each["value"] for each in metadata["properties"] if each["name"] == COMMIT_PROPERTY]
        [wheel] = [each["content"] for each in itself["hashes"] if each["alg"] == "SHA-256"]
        when = datetime.fromisoformat(metadata["timestamp"])
        seconds = int(when.timestamp())
        version = str(itself["version"])
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise BadBillOfMaterials("The bill of materials does not say which release it is of.") from error
    if not _COMMIT.fullmatch(commit) or when.tzinfo is None:
        raise BadBillOfMaterials("The bill of materials names no commit, or a time without a zone.")
    return version, Commit(commit, seconds), str(wheel)


def _component(package: Package) -> Component:
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in package.hashes]
    url = package.url
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=XsUri(url.to_string()), hashes=hashes
    )
    return Component(
        name=url.name,
        group=url.namespace,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=url.to_string(),
        purl=url,
        external_references=[files],
    )


def _text(bom: Bom) -> str:
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"

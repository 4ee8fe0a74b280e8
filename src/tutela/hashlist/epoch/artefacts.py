"""Policies and models in the transparency log: one signed leaf for each version of each.

    kind       "policy" or "model"
    sha256     of the file
    time       when it was signed
    fields     name; version (1, 2, ...); signer: the key's id; signature: 128 hexadecimal digits
    signature = Ed25519(key, "tutela logged artefact 1" || 0 byte || the leaf without its signature)

(RFC 8032.) A policy says who is believed: the log's policy, the trust file. A model is a file of learned
numbers that decides what matches: the masks of each profile. A device believes the copies that came with its
program, which the release's leaf covers; an auditor checks here that these copies were published by name.

Not protected: that a policy is wise or a model good, and that a device has no other copy than the program's.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tutela.errors import VerificationError
from tutela.hashlist.epoch.logged import NotLogged
from tutela.hashlist.trust import EPOCH, Signer, Trust, key_id
from tutela.tlog import Leaf
from tutela.tlog.errors import BadLeaf
from tutela.voucher import masks
from tutela.voucher.parameters import PROFILES

POLICY: Final = "policy"
MODEL: Final = "model"
KINDS: Final = frozenset({POLICY, MODEL})
LOG_POLICY: Final = "log-policy"
TRUST: Final = "trust"
_TAG: Final = b"tutela logged artefact 1\0"
_FIELDS: Final = frozenset({"name", "version", "signer", "signature"})
_MAX_NAME: Final = 80
_SIGNATURE_DIGITS: Final = 128


class Unsigned(VerificationError):
    """A leaf of a policy or a model bears no signature of a trusted key."""

    code = "audit.unsigned"


class TwoOfOneVersion(VerificationError):
    """A trusted key signed two files under one name and version."""

    code = "audit.two_of_one_version"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A policy or a model: its kind, its name, and the SHA-256 of its file in hex."""

    kind: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Logged:
    """One version of an artefact as a leaf has it; `signer` is the name that the trust file gives the key."""

    artefact: Artefact
    version: int
    date: datetime
    signer: str


def sign(artefact: Artefact, version: int, now: datetime, signer: Signer) -> Leaf:
    """Return the leaf of one version of an artefact.

    Args:
        artefact: what is published.
        version: counts from 1 under its name.
        now: the time, with its zone.
        signer: one of the keys that sign epochs.

    Raises:
        BadLeaf: the kind, the name or the version is not of the form.
    """
    fields: dict[str, str | int | bool | list[str]] = {
        "name": artefact.name,
        "version": version,
        "signer": key_id(signer.public_key),
    }
    leaf = Leaf(artefact.kind, artefact.sha256, now.replace(microsecond=0), fields)
    _check_form(leaf)
    signature = signer.sign(_TAG + leaf.to_bytes()).hex()
    return Leaf(leaf.kind, leaf.sha256, leaf.time, {**fields, "signature": signature})


def read(leaf: Leaf, trust: Trust) -> Logged:
    """Return what a leaf says of a policy or a model, if a key that may sign epochs signed it.

    Raises:
        BadLeaf: it is of another kind or form.
        Unsigned: the signer is not trusted, or the signature does not fit.
    """
    if leaf.fields.keys() != _FIELDS:
        raise Unsigned("The leaf does not say who signed it.")
    fields = dict(leaf.fields)
    signature = fields.pop("signature")
    bare = Leaf(leaf.kind, leaf.sha256, leaf.time, fields)
    name, version = _check_form(bare)
    key = trust.for_role(EPOCH).get(str(fields["signer"]))
    if key is None:
        raise Unsigned("The leaf was signed by a key that is not trusted here.")
    try:
        if not isinstance(signature, str) or len(signature) != _SIGNATURE_DIGITS:
            raise Unsigned("The leaf's signature is not one.")
        public = Ed25519PublicKey.from_public_bytes(key.public_key)
        public.verify(bytes.fromhex(signature), _TAG + bare.to_bytes())
    except (InvalidSignature, ValueError) as error:
        raise Unsigned(f"The signature of {key.name} does not fit.") from error
    return Logged(Artefact(leaf.kind, name, leaf.sha256), version, leaf.time, key.name)


def published(leaves: Iterable[Leaf], trust: Trust) -> tuple[Logged, ...]:
    """Return the policies and models that trusted keys published, in the log's order; no other leaf counts.

    Raises:
        TwoOfOneVersion: a key signed two files under one name and version.
    """
    found: list[Logged] = []
    first: dict[tuple[str, str, int, str], str] = {}
    for leaf in leaves:
        if leaf.kind not in KINDS:
            continue
        try:
            said = read(leaf, trust)
        except (BadLeaf, Unsigned):
            continue
        its = said.artefact
        if first.setdefault((its.kind, its.name, said.version, said.signer), its.sha256) != its.sha256:
            raise TwoOfOneVersion(
                f"{said.signer} signed two files as version {said.version} of {its.name}.",
                hint="Keep the log's proofs of both: nobody can take them back.",
            )
        found.append(said)
    return tuple(found)


def in_use(trust: Trust, trust_file: bytes) -> tuple[Artefact, ...]:
    """Return what this program and a trust file use: the file, the log's policy in it, every model.

    Args:
        trust: what the file says.
        trust_file: its bytes.
    """
    models = [Artefact(MODEL, name, digest(masks.data(name))) for name in sorted(PROFILES)]
    policy = Artefact(POLICY, LOG_POLICY, digest(trust.log_policy.encode()))
    return (Artefact(POLICY, TRUST, digest(trust_file)), policy, *models)


def require(logged: Sequence[Logged], used: Iterable[Artefact], trust: Trust) -> None:
    """Check that as many trusted keys as the quorum asks for published each artefact.

    Raises:
        NotLogged: one is not in the log, or too few signed it; its kind and name are said.
    """
    signers: dict[Artefact, set[str]] = defaultdict(set)
    for each in logged:
        signers[each.artefact].add(each.signer)
    for artefact in used:
        if len(signers[artefact]) < trust.quorum:
            raise NotLogged(
                f"The {artefact.kind} {artefact.name} (SHA-256 {artefact.sha256[:16]}...) is in the log "
                f"under {len(signers[artefact])} of the {trust.quorum} trusted signatures that are needed.",
                hint="It is used without being published by name, or is another version: `tutela log leaf`.",
            )


def digest(data: bytes) -> str:
    """Return SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def _check_form(leaf: Leaf) -> tuple[str, int]:
    name, version = leaf.fields["name"], leaf.fields["version"]
    if leaf.kind not in KINDS or not leaf.sha256:
        raise BadLeaf("This is not the leaf of a policy or a model with its file's SHA-256.")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise BadLeaf("A policy or a model has a name of at most 80 printable characters.")
    if type(version) is not int or version < 1:
        raise BadLeaf("Versions of a policy or a model count from 1.")
    return name, version

"""Set up a register: first constitution, log, policy. What is there stays, so that a broken start goes on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from tutela import sealed
from tutela.hashlist.governance import read_constitution
from tutela.register import logbook
from tutela.register.book import Book
from tutela.register.errors import RegisterNotReady
from tutela.register.storage import Store
from tutela.sealed.files import replacing
from tutela.tlog import Ed25519Signer, Policy
from tutela.tlog.log import HEAD, Log

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Answers:
    """What `tutela register init` was told.

    Attributes:
        constitution: the first constitution's file, signed by its own quorum.
        anchor: its digest, as it is published elsewhere.
        origin: the log's name, a URL without `https://`; never changed.
        witnesses: lines of a policy: witness, group, quorum.
        url: where the log is read; may be empty.
    """

    constitution: bytes
    anchor: bytes
    origin: str
    witnesses: bytes = b"quorum none\n"
    url: str = ""


def set_up(store: Store, answers: Answers, passphrase: str) -> dict[str, Any]:
    """Check the constitution against its anchor, make the log, and begin the history with it.

    Raises:
        GovernanceError: the constitution is not the anchor's, or lacks its quorum.
        BadPolicy: the witnesses' lines are no policy. RegisterNotReady: another register is here.
    """
    read_constitution(answers.constitution, answers.anchor)
    store.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if store.anchor_file.exists() and store.anchor() != answers.anchor:
        raise RegisterNotReady("Another register lives in this folder.", hint="Choose another --data.")
    private = _private(store, passphrase)
    signer = Ed25519Signer(answers.origin, private)
    policy = f"log {signer.key} {answers.url}".rstrip().encode() + b"\n" + answers.witnesses
    Policy.parse(policy)
    _keep(store, policy, answers)
    if not (store.log / HEAD).exists():
        Log.create(store.log, signer).close()
    found = Book(store)
    found.begin(answers.constitution, OPERATOR)
    logbook.catch_up(found)
    return {"folder": str(store.root), "anchor": answers.anchor.hex(), "vkey": str(signer.key)}


def _private(store: Store, passphrase: str) -> bytes:
    if not store.key_file.exists():
        sealed.keyfile.save(store.key_file, secrets.token_bytes(32), passphrase)
    return sealed.keyfile.load(store.key_file, passphrase)


def _keep(store: Store, policy: bytes, answers: Answers) -> None:
    files = {
        store.policy_file: policy,
        store.constitution_file: answers.constitution,
        store.anchor_file: answers.anchor.hex().encode() + b"\n",
    }
    for path, data in files.items():
        if not path.exists():
            with replacing(path) as file:
                file.write(data)

"""Distribution: how lists and epochs reach devices, so that a server cannot choose what is current.

Built on The Update Framework (specification 1.0, python-tuf): a publisher's repository, a reader with our
own resumable transport, and verified mirrors.
"""

from __future__ import annotations

from tutela.distribution.client import Fetched, Status, Updater
from tutela.distribution.keys import Organisation, RoleKeys, signer
from tutela.distribution.mirror import Mirrored, mirror
from tutela.distribution.repository import Lifetimes, Repository
from tutela.distribution.source import Patience

__all__ = [
    "Fetched",
    "Lifetimes",
    "Mirrored",
    "Organisation",
    "Patience",
    "Repository",
    "RoleKeys",
    "Status",
    "Updater",
    "mirror",
    "signer",
]

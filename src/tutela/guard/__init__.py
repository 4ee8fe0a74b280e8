"""The device's side of Tutela: one object that a messenger calls before it uploads and after it receives.

    guard = open_guard(folder, account, device, Policy("XX", provider_alerts=True), passphrase)
    guard.load_epoch(epoch_folder, trust)          # says in which mode it is, and why
    guard.protect(data, attachment).voucher        # before each encrypted upload; constant size
    guard.received(sender, picture=True, known=False)   # notices for the person here
    guard.status()                                 # everything that left the device

Without a network, a server or Django. Only what is sent is compared; what is received never is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tutela.guard.core import Guard, Policy

__all__ = ["open_guard"]


def open_guard(folder: Path, account: str, device: str, policy: Policy, passphrase: str) -> Guard:
    """Open, or begin, the guard that lives in a folder (guard.db and device.key, mode 0600).

    Raises:
        OtherDevice: the folder belongs to another account or device.
        GuardStateDamaged, SealedError: its files cannot be used, or the passphrase is another one.
    """
    from tutela.guard.core import Guard
    from tutela.guard.keys import FILE, KeyFile
    from tutela.guard.store import Store

    store = Store.open(folder)
    return Guard(account, device, policy, store=store, keys=KeyFile(folder / FILE, passphrase))

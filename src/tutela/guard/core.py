"""The guard: what a messenger calls before it uploads a file and after it receives one.

Sans-I/O towards the network: it takes bytes and times, returns bytes and notices; the messenger carries them.

    protect    after the attachment was encrypted, before its upload -> a sealed set of constant size. The
               device never learns whether a picture is listed. What is no picture, cannot be decoded or has
               too little detail gets a set of random tokens of the same size.
    received   notices for the person here; nothing is counted or sent.
    status     all that left the device, under which epoch, signed by whom, and why.

Does NOT protect against: a modified app (it sends noise or nothing), a device that others control, and the
time at which sets leave: that is what `pacing` is for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tutela.errors import TutelaError
from tutela.guard import epochs, memory
from tutela.guard.checks import explain
from tutela.guard.epochs import Epoch, Mode
from tutela.guard.errors import OtherDevice
from tutela.guard.keys import Keys, KeyStore
from tutela.guard.notices import Notice, notice
from tutela.guard.outbox import Outbox
from tutela.guard.status import describe, note_receipts
from tutela.guard.store import Sent, Store
from tutela.hashlist.epoch.admission import Attested
from tutela.hashlist.trust import Trust
from tutela.tlog import SignedCheckpoint
from tutela.tlog.errors import Equivocation
from tutela.voucher.errors import TableError
from tutela.voucher.parameters import Parameters, everyday
from tutela.voucher.sealing import Picture, Sealer, chaff, enrol
from tutela.voucher.table import Progress
from tutela.voucher.wire import NO_TABLE, Attachment, voucher_slot

Clock = Callable[[], datetime]
Random = Callable[[int], bytes]
_CONTACT: Final = b"tutela-contact"
_FIRST_SLOT_BYTES: Final = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """What the app offers, and where the device is.

    Attributes:
        jurisdiction: of the device, as legal bases name it; its first two letters choose the help lines.
        provider_alerts: off by default; on, it still needs an endorsed epoch and a legal basis.
        deadline: how long an upload may wait on this device.
    """

    jurisdiction: str
    provider_alerts: bool = False
    deadline: timedelta = timedelta(hours=24)

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2."""
        return self.jurisdiction[:2]


@dataclass(frozen=True, slots=True)
class Protected:
    """A sealed set for one upload, and what the user is told."""

    voucher: bytes
    slot: int
    mode: Mode
    notices: tuple[Notice, ...] = ()


class Guard:
    """One device of one account. Not safe for several threads at once."""

    def __init__(
        self,
        account: str,
        device: str,
        policy: Policy,
        *,
        store: Store,
        keys: KeyStore,
        clock: Clock = lambda: datetime.now(UTC),
        random: Random = os.urandom,
        parameters: Parameters | None = None,
    ) -> None:
        """Open the device's state; draws keys at the first time.

        Args:
            account: full name at the homeserver.
            device: the homeserver's name of this device.
            policy: what the app offers.
            store: the guard's memory.
            keys: where its keys are kept.
            clock: UTC time.
            random: a cryptographically strong source.
            parameters: size of sets before the first epoch; the everyday profile if None.

        Raises:
            OtherDevice: the store belongs to another account or device.
        """
        self.account, self.device, self.policy = account, device, policy
        self._store, self._key_store, self._clock, self._random = store, keys, clock, random
        self._fallback, self._ahead = parameters, 0
        self._epoch: Epoch | None = None
        self._refused: TutelaError | None = None  # why the last epoch that was offered is not used
        self._broken: TableError | None = None  # why the table in use no longer is
        self._distrusted: TutelaError | None = None  # why nothing is believed for now
        self._sealer: Sealer | None = None
        if store.get("device", [account, device]) != [account, device]:
            raise OtherDevice(
                "This guard belongs to another account or device.",
                hint="Give each device a folder of its own.",
            )
        known = keys.load()
        self._keys = known or Keys.generate(random, clock())
        if known is None:
            keys.save(self._keys)
        if store.get("slot") is None:  # a lost folder must not bring back numbers that were used
            store.put("slot", int.from_bytes(random(_FIRST_SLOT_BYTES), "little"))
        store.put("device", [account, device])
        self.outbox = Outbox(store, self._keys.folder, random, int(policy.deadline.total_seconds() * 1000))
        self._remember()

    def load_epoch(self, directory: Path, trust: Trust, *, progress: Progress | None = None) -> Mode:
        """Use the epoch in a folder if it passes every check; else keep the one in use and say why.

        Returns:
            The mode that follows; never raises for an epoch that is refused.
        """
        text, now = self._store.get("manifest"), self._clock()
        seen = {bytes.fromhex(key): bytes.fromhex(table) for key, table in self._store.tables().items()}
        place = self.policy.jurisdiction
        try:
            attested = self._attest(directory, trust, now)
            epoch = epochs.complete(
                attested,
                directory,
                trust,
                place,
                now,
                previous=text.encode() if text else None,
                seen=seen,
                progress=progress,
            )
        except TutelaError as error:
            self._refuse(error)
        else:
            self._use(epoch, now)
        self._remember()
        return self.mode()

    def refresh(self, directory: Path) -> Mode:
        """Take newer proofs of the epoch in use from its folder; else keep those that there are and say why.

        A day after the witnesses' last cosignatures nothing is compared any more until this brings new ones.

        Returns:
            The mode that follows; never raises for proofs that are refused.
        """
        now = self._clock()
        if self._epoch is not None:
            try:
                attested = self._attest(directory, self._epoch.trust, now)
                self._renew(
                    epochs.renew(self._epoch, attested, directory, self.policy.jurisdiction, now), now
                )
            except TutelaError as error:
                self._refuse(error)
        self._remember()
        return self.mode()

    def seen(self) -> tuple[SignedCheckpoint, ...]:
        """Return the newest checkpoint of each log that this device saw: what comes next must continue it."""
        return tuple(memory.pins(self._store).checkpoints.values())

    def distrust(self, error: TutelaError) -> Mode:
        """Compare nothing any more until a list or newer proofs pass every check.

        For what the guard cannot see itself: a distribution that shows this device an old, frozen or mixed
        state of what is published.
        """
        self._distrusted = error
        self._remember()
        return self.mode()

    def _attest(self, directory: Path, trust: Trust, now: datetime) -> Attested:
        pins = memory.pins(self._store)
        attested = epochs.attest(directory, trust, self.policy.jurisdiction, now, pins)
        memory.keep_pins(self._store, attested.pinned(pins))
        return attested

    def _refuse(self, error: TutelaError) -> None:
        self._refused = error
        if isinstance(error, Equivocation):  # the log signed two histories: nothing of it is believed
            memory.keep_evidence(self._store, error.evidence)
            self._distrusted = error

    def _use(self, epoch: Epoch, now: datetime) -> None:
        manifest = epoch.manifest
        self._store.note_table(manifest.public_key.hex(), manifest.table_id.hex())
        self._store.put("manifest", epoch.attested.papers.manifest.decode())
        self._set_keys(self._keys.for_table(manifest.table_id, self._random, now))
        self._broken = None
        self._renew(epoch, now)
        self._make_sealer()

    def _renew(self, epoch: Epoch, now: datetime) -> None:
        memory.keep_papers(self._store, epoch, now)
        self._epoch, self._refused, self._distrusted = epoch, None, None

    def _set_keys(self, keys: Keys) -> None:
        if keys != self._keys:
            self._store.put("fresh_from", self._store.get("slot", 0))
            self._key_store.save(keys)
            self._keys = keys

    def _make_sealer(self) -> None:
        assert self._epoch is not None
        table, parameters = self._epoch.table, self._epoch.manifest.parameters
        device = self._keys.device
        first = self._store.next_sealer() << 32
        self._sealer = Sealer(table, parameters, self.account, self.device, device, self._random, first)
        self._ahead = 0

    def rotate(self) -> None:
        """Draw a new account key at once; the device must enrol again."""
        self._set_keys(self._keys.rotated(self._random, self._clock()))
        if self._epoch is not None:
            self._make_sealer()

    def mode(self) -> Mode:
        """Return what the guard does with pictures now, and why."""
        stopped = self._broken or self._distrusted
        epoch = None if stopped else self._epoch
        refused = stopped or self._refused
        offered = self.policy.provider_alerts
        return epochs.decide(offered=offered, epoch=epoch, refused=refused, now=self._clock())

    @property
    def parameters(self) -> Parameters:
        """The parameters of the epoch in use; before the first, those given or the everyday profile."""
        if self._epoch is not None:
            return self._epoch.manifest.parameters
        if self._fallback is None:
            self._fallback = everyday()
        return self._fallback

    @property
    def _table_id(self) -> bytes:
        """The table that sets and enrolment name: none once the epoch is over."""
        if self._epoch is None:
            return NO_TABLE
        return self._epoch.manifest.table_id if self._clock() < self._epoch.ends else NO_TABLE

    def enrolment(self) -> bytes | None:
        """Return the signed enrolment if the homeserver does not have it yet."""
        made = enrol(self.account, self.device, self._table_id, self._keys.device)
        return None if self._store.get("enrolled") == hashlib.sha256(made).hexdigest() else made

    def outdated(self, voucher: bytes) -> bool:
        """Whether a set was made under an earlier key: it must not follow the enrolment of the new one."""
        return voucher_slot(voucher) < int(self._store.get("fresh_from", 0))

    def enrolled(self, enrolment: bytes) -> None:
        """Remember that the homeserver took an enrolment."""
        self._store.put("enrolled", hashlib.sha256(enrolment).hexdigest())

    def protect(self, data: bytes | None, attachment: Attachment) -> Protected:
        """Return the sealed set of one upload. Its slot is on the disk before it is used.

        Args:
            data: the file before encryption; None for what cannot be a picture.
            attachment: key, iv and hash of its ciphertext.
        """
        if self._keys.over(self._clock()):  # in every mode, so that the moment tells none
            self.rotate()
        slot, mode = self._store.next_slot(), self.mode()
        voucher = self._seal(data, attachment, slot) if mode.alerts else None
        if voucher is None:
            mode, voucher = self.mode(), self._chaff(slot)
        self._store.note_sent(
            Sent(
                slot=slot,
                at=self.now(),
                bytes=len(voucher),
                ct_sha256=attachment.ciphertext_sha256.hex(),
                epoch=self._epoch.manifest.number if self._epoch else None,
                mode=mode.name,
                state="made",
            )
        )
        return Protected(voucher, slot, mode, self._mode_notice(mode))

    def _seal(self, data: bytes | None, attachment: Attachment, slot: int) -> bytes | None:
        assert self._sealer is not None
        try:
            self._ahead = max(0, self._ahead - 1)
            return self._sealer.seal(picture_of(data), attachment, slot)
        except TableError as error:  # never go on with a table that failed once
            self._broken = error
            self._remember()
            return None

    def _chaff(self, slot: int) -> bytes:
        return chaff(
            self.parameters, self.account, self.device, self._table_id, self._keys.device, slot, self._random
        )

    def precompute(self, ahead: int) -> bool:
        """Do the half of one set's work in advance, unless `ahead` are ready; return whether it did."""
        if self._sealer is None or self._ahead >= ahead or not self.mode().alerts:
            return False
        self._sealer.precompute(1)
        self._ahead += 1
        return True

    def _mode_notice(self, mode: Mode) -> tuple[Notice, ...]:
        if self._store.get("told") == mode.name:
            return ()
        self._store.put("told", mode.name)
        return (notice("mode.provider_alerts" if mode.alerts else "mode.user_side", self.policy.country),)

    def received(self, sender: str, *, picture: bool, known: bool) -> tuple[Notice, ...]:
        """Return notices about something that arrived; changes nothing that could be counted or sent.

        Args:
            sender: the account that sent it; kept as a keyed hash only, so as to tell once.
            picture: whether it is a picture.
            known: whether the sender is one of the user's contacts.
        """
        if known or not picture:
            return ()
        tag = hashlib.blake2b(
            sender.encode(errors="surrogatepass"), key=self._keys.folder, person=_CONTACT, digest_size=16
        ).digest()
        return (notice("received.first_picture", self.policy.country),) if self._store.meet(tag) else ()

    def explain_refusal(self, code: str) -> Notice:
        """Return plain words for the code of a refusal."""
        return notice(code)

    def note_receipts(self, receipts: Mapping[str, Any]) -> None:
        """Take over what the homeserver says of this device's sets (`GET receipts`)."""
        note_receipts(self._store, receipts, self.now())
        if receipts.get("renew") is True and self.enrolment() is None:
            self.rotate()  # the provider asks before the key's own time; the next upload enrols again

    def status(self) -> dict[str, Any]:
        """Return all that the user may know; see `tutela.guard.status`."""
        self._remember()
        return describe(self._store, self._clock())

    def _remember(self) -> None:
        refused = None if self._refused is None else self._refused.diagnostics()
        epoch = self._epoch
        self._store.put(
            "state",
            {
                "mode": self.mode().to_dict(),
                "epoch": epoch.describe() if epoch else None,
                "checks": explain(epoch) if epoch else [],
                "refused_epoch": refused,
                "country": self.policy.country,
                "jurisdiction": self.policy.jurisdiction,
                "laws": [law.to_statement() for law in epoch.laws] if epoch else [],
            },
        )

    def now(self) -> int:
        """Return the guard's time in UTC milliseconds, as the outbox counts it."""
        return int(self._clock().timestamp() * 1000)


def picture_of(data: bytes | None) -> Picture | None:
    """Return what a set says of a picture; None for what is none or cannot be decoded."""
    from tutela.fingerprint import FingerprintError, fingerprint_and_derivative

    if data is None:
        return None
    try:
        found, small = fingerprint_and_derivative(data)
    except FingerprintError:
        return None
    return Picture(found.pdq, found.quality, found.reliability, small)

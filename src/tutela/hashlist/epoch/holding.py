"""What a device was given and used, as a file that anybody can check later: papers of epochs, and evidence.

    {"type": "tutela-held", "version": 1, "epochs": [{"since", "checked", "papers"}], "evidence": [text]}

Each epoch is checked as of `checked`, the last time at which the device found it to hold.

Not protected: the times are the device's, and a device can leave epochs out. What is in the file was signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from tutela.hashlist import strict_json
from tutela.hashlist.entries import format_time, parse_time
from tutela.hashlist.epoch.admission import Attested, Pins, attest
from tutela.hashlist.epoch.errors import BadPapers
from tutela.hashlist.epoch.folder import Papers
from tutela.hashlist.errors import BadEntry, BadJSON
from tutela.hashlist.trust import Trust
from tutela.tlog import Evidence
from tutela.tlog.checkpoint import SignedCheckpoint
from tutela.tlog.errors import Equivocation

TYPE: Final = "tutela-held"
VERSION: Final = 1
MAX_BYTES: Final = 1 << 28
MAX_EPOCHS: Final = 1024


@dataclass(frozen=True, slots=True)
class HeldEpoch:
    """An epoch that a device used: since when, when it held last, and its papers."""

    since: datetime
    checked: datetime
    papers: Papers

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        times = {"since": format_time(self.since), "checked": format_time(self.checked)}
        return {**times, "papers": self.papers.to_dict()}


@dataclass(frozen=True, slots=True)
class Held:
    """Everything that a device used, in order of first use, and evidence against logs."""

    epochs: tuple[HeldEpoch, ...]
    evidence: tuple[bytes, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the file."""
        said = {
            "type": TYPE,
            "version": VERSION,
            "epochs": [each.to_dict() for each in self.epochs],
            "evidence": [each.decode() for each in self.evidence],
        }
        return strict_json.canonical(said) + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the file; raises `BadPapers`."""
        try:
            found = strict_json.read(data, max_bytes=MAX_BYTES)
            if (found["type"], found["version"]) != (TYPE, VERSION) or len(found["epochs"]) > MAX_EPOCHS:
                raise BadPapers("This is not a file of held epochs of a version that is known here.")
            epochs = tuple(
                HeldEpoch(
                    parse_time(each["since"]), parse_time(each["checked"]), Papers.from_dict(each["papers"])
                )
                for each in found["epochs"]
            )
            return cls(epochs, tuple(text.encode() for text in found["evidence"]))
        except (BadJSON, BadEntry, KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadPapers("The file of held epochs lacks a field, or one has another form.") from error

    def verify(self, trust: Trust) -> tuple[Attested, ...]:
        """Check every epoch as of the last time at which it held, and the checkpoints against each other.

        Raises:
            TutelaError: as `tutela.hashlist.epoch.admission.admit`; `Equivocation` where the log signed two
                trees of one size.
        """
        found = tuple(attest(each.papers, trust, each.checked, Pins()) for each in self.epochs)
        known: dict[tuple[str, int], SignedCheckpoint] = {}
        for each in found:
            signed = each.log.signed
            under = signed.checkpoint
            before = known.setdefault((under.origin, under.size), signed)
            if before.checkpoint.root != under.root:
                raise Equivocation(Evidence(before, signed))
        return found

    def check_evidence(self, trust: Trust) -> int:
        """Return how many pieces of evidence prove that a log of the policy signed two histories.

        Raises:
            TrustError, Malformed: one of them proves nothing.
        """
        _, policy = trust.anchors()
        for each in self.evidence:
            Evidence.parse(each).check(policy.log_keys())
        return len(self.evidence)

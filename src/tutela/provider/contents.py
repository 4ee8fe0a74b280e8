"""What is sealed at rest of an opened picture: what was revealed, and what the original turned out to be."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import Any

from tutela.provider.atrest import AtRest
from tutela.provider.errors import AtRestError
from tutela.provider.judging import Original
from tutela.provider.models import CaseImage
from tutela.voucher.opening import Revealed
from tutela.voucher.wire import Attachment


@dataclass(frozen=True, slots=True)
class Shown:
    """A revealed picture, and the 32-byte PDQ hash of the entry that it is close to."""

    revealed: Revealed
    entry_pdq: bytes


def seal_revealed(at_rest: AtRest, case: int, shown: Shown) -> bytes:
    """Return a revealed picture, sealed for its case and slot."""
    revealed = shown.revealed
    attachment = revealed.attachment
    value = {
        "entry_pdq": shown.entry_pdq.hex(),
        "pdq": revealed.pdq.hex(),
        "quality": revealed.quality,
        "derivative": base64.b64encode(revealed.derivative).decode(),
        "key": attachment.key.hex(),
        "iv": attachment.iv.hex(),
        "ciphertext_sha256": attachment.ciphertext_sha256.hex(),
        "message": attachment.message,
        "franking": attachment.franking.hex(),
    }
    return at_rest.seal(_place("revealed", case, revealed.slot), json.dumps(value).encode())


def open_revealed(at_rest: AtRest, image: CaseImage) -> Shown:
    """Return a revealed picture; raises `AtRestError` if its content was deleted or does not open."""
    value = _open(at_rest, "revealed", image, image.sealed_revealed)
    attachment = Attachment(
        key=bytes.fromhex(value["key"]),
        iv=bytes.fromhex(value["iv"]),
        ciphertext_sha256=bytes.fromhex(value["ciphertext_sha256"]),
        message=value["message"],
        franking=bytes.fromhex(value["franking"]),
    )
    revealed = Revealed(
        slot=image.slot,
        pdq=bytes.fromhex(value["pdq"]),
        quality=value["quality"],
        derivative=base64.b64decode(value["derivative"]),
        attachment=attachment,
    )
    return Shown(revealed, bytes.fromhex(value["entry_pdq"]))


def seal_original(at_rest: AtRest, image: CaseImage, original: Original) -> bytes:
    """Return the digests of an original, sealed for its case and slot."""
    place = _place("original", image.case_id, image.slot)
    return at_rest.seal(place, json.dumps(asdict(original)).encode())


def open_original(at_rest: AtRest, image: CaseImage) -> Original:
    """Return the digests of a verified original."""
    return Original(**_open(at_rest, "original", image, image.sealed_original))


def _open(at_rest: AtRest, kind: str, image: CaseImage, sealed: bytes | memoryview | None) -> dict[str, Any]:
    if sealed is None:
        raise AtRestError("The content of this picture was deleted.")
    value: dict[str, Any] = json.loads(at_rest.open(_place(kind, image.case_id, image.slot), bytes(sealed)))
    return value


def _place(kind: str, case: int, slot: int) -> str:
    return f"{kind}/{case}/{slot}"

"""The child process that decodes pictures. Imports no Django.

    python -m tutela.provider.decoding               a picture on stdin; its digests as JSON on stdout
    python -m tutela.provider.decoding derivatives   a JSON list of pictures in base64; a list as long of
                                                     {"webp": base64, "pdq": hexadecimal}, or null

exit 0  done        exit 4  (digests) not a picture that can be decoded

A derivative is what a device says it is, so it is decoded here, and only what is encoded here again is shown.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from typing import Final

from tutela.fingerprint import FingerprintError, Limits, derivative, fingerprint
from tutela.fingerprint.formats import sniff
from tutela.fingerprint.thumbnail import DERIVATIVE_BYTES, LONG_SIDES

SECONDS: Final = 120
REFUSED: Final = 4
DERIVATIVES: Final = "derivatives"
_MEMORY: Final = 4 << 30
_SIDE: Final = LONG_SIDES[0]
_LIMITS: Final = Limits(bytes=DERIVATIVE_BYTES, pixels=_SIDE * _SIDE, side=_SIDE)
_FORMATS: Final = frozenset({"WebP", "JPEG"})


def main() -> int:
    """Read what the command line says, print the answer."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    data = sys.stdin.buffer.read()
    if sys.argv[1:] == [DERIVATIVES]:
        sys.stdout.write(json.dumps([_redrawn(base64.b64decode(item)) for item in json.loads(data)]))
        return 0
    return _digests(data)


def _digests(data: bytes) -> int:
    try:
        exact, fast = fingerprint(data, path="exact"), fingerprint(data, path="fast")
    except FingerprintError:
        return REFUSED
    answer = {
        "sha256": exact.sha256.hex(),
        "md5": exact.md5.hex(),
        "exact": exact.pdq.hex(),
        "fast": fast.pdq.hex(),
        "format": exact.format,
    }
    sys.stdout.write(json.dumps(answer))
    return 0


def _redrawn(data: bytes) -> dict[str, str] | None:
    """Return a derivative drawn anew, grey, with its PDQ hash; None for what is no derivative."""
    try:
        if sniff(data) not in _FORMATS:
            return None
        webp = derivative(data, limits=_LIMITS)
        return {"webp": base64.b64encode(webp).decode(), "pdq": fingerprint(webp, path="exact").pdq.hex()}
    except Exception:  # noqa: BLE001  whatever one picture does to a decoder, the others are drawn
        return None


if __name__ == "__main__":
    sys.exit(main())

"""The child process of `judging`: a picture on stdin, its digests as JSON on stdout. Imports no Django.

exit 0  digests        exit 4  not a picture that can be decoded
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Final

from tutela.fingerprint import FingerprintError, fingerprint

SECONDS: Final = 120
REFUSED: Final = 4
_MEMORY: Final = 4 << 30


def main() -> int:
    """Read a picture, print its digests."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    data = sys.stdin.buffer.read()
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


if __name__ == "__main__":
    sys.exit(main())

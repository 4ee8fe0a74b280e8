"""Whether an unsealed original is the picture that was matched.

The decoders of pictures are C libraries, and the original comes from whoever made it. So it is decoded by a
child process (`decoding`) that inherits no secret: an empty environment, three pipes, no file to write, and
bounds on memory and time. The plaintext goes through a pipe and touches no disk.

What it does not protect: the child can still read what its user can read; put the server into a container.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from tutela.errors import EnvironmentProblem
from tutela.fingerprint import hamming
from tutela.provider.decoding import REFUSED, SECONDS
from tutela.provider.errors import OriginalMismatch
from tutela.voucher.opening import MAX_CLEAR_DISTANCE

#: bits by which the original's hash may differ from the voucher's: the two paths differ by one or two,
#: versions of a decoder by a few
MAX_FROM_VOUCHER: Final = 8


class JudgeFailed(EnvironmentProblem):
    """The child could not work at all; it says nothing of the picture, and is tried again."""

    code = "provider.judge_failed"


@dataclass(frozen=True, slots=True)
class Digests:
    """What the child answers: digests in hexadecimal, the PDQ hash by both paths, the format."""

    sha256: str
    md5: str
    exact: str
    fast: str
    format: str


@dataclass(frozen=True, slots=True)
class Original:
    """The verified original: digests for the report, and how near it is.

    Attributes:
        sha256, md5, pdq: hexadecimal.
        size: bytes.
        format: by content, such as "JPEG".
        to_entry: bits between its PDQ hash and the listed entry's.
        to_voucher: bits between its PDQ hash and the one in the voucher.
    """

    sha256: str
    md5: str
    pdq: str
    size: int
    format: str
    to_entry: int
    to_voucher: int


def judge(plaintext: bytes, *, entry_pdq: bytes, voucher_pdq: bytes) -> Original:
    """Return the verified original's digests.

    The fast path is what a device hashes with; the exact path is what the list was made with, and decides.

    Raises:
        OriginalMismatch: it is no picture, is not close to the entry, or not the picture of the voucher.
        JudgeFailed: try again.
    """
    digests = fingerprints(plaintext)
    exact, fast = bytes.fromhex(digests.exact), bytes.fromhex(digests.fast)
    to_entry = hamming(exact, entry_pdq)
    to_voucher = min(hamming(exact, voucher_pdq), hamming(fast, voucher_pdq))
    if to_voucher > MAX_FROM_VOUCHER:
        raise OriginalMismatch("The original is not the picture that the voucher describes.")
    if to_entry > MAX_CLEAR_DISTANCE:
        raise OriginalMismatch("The original is not close to the listed entry.")
    return Original(
        sha256=digests.sha256,
        md5=digests.md5,
        pdq=digests.exact,
        size=len(plaintext),
        format=digests.format,
        to_entry=to_entry,
        to_voucher=to_voucher,
    )


def fingerprints(plaintext: bytes) -> Digests:
    """Return the digests of a picture, computed in a child process; raises as `judge`."""
    answer = child(plaintext)
    if answer is None:
        raise OriginalMismatch("The original cannot be decoded as a picture, or not in reasonable time.")
    return Digests(**json.loads(answer))


def child(data: bytes, *mode: str) -> bytes | None:
    """Return what the child says of `data`; None if it refused it, ended by a signal, or took too long.

    Raises:
        JudgeFailed: it could not work at all.
    """
    command = [sys.executable, "-I", "-m", "tutela.provider.decoding", *mode]
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            command, input=data, capture_output=True, env={}, cwd="/", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode == REFUSED or done.returncode < 0:  # below 0: a signal ended it
        return None
    if done.returncode != 0:
        raise JudgeFailed("The process that decodes pictures could not work.", hint="It is tried again.")
    return done.stdout

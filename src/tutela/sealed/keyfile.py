"""Secrets in files under a passphrase.

File: `tutelaK1` (8 bytes), log2 of the scrypt cost N, r, p and one zero byte, a salt of 16 bytes, a nonce
of 12 bytes, then AES-256-GCM of the secret under scrypt(passphrase, salt, N, r, p) with everything before
it as associated data (RFC 7914 scrypt; NIST SP 800-38D). Mode 0600, written in one step.

Not protected: a weak passphrase can be guessed by whoever has the file (about a fifth of a second and
128 MiB a guess); the length of the secret shows; nothing wipes memory or disk after use, and whoever
reads the process's memory or environment reads the secret.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tutela.sealed.errors import (
    KeyFileExists,
    KeyFileMissing,
    PassphraseMissing,
    SealedError,
    WrongPassphrase,
)
from tutela.sealed.files import replacing

MAGIC: Final = b"tutelaK1"
HEADER_BYTES: Final = 12
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
MAX_SECRET_BYTES: Final = 64 * 1024
#: log2 N; the upper end bounds what a hostile file can make us allocate (1 GiB at 20)
COSTS: Final = range(12, 21)
DEFAULT_COST: Final = 17
BLOCK: Final = 8
PARALLEL: Final = 1
MAX_PASSPHRASE_BYTES: Final = 4096

PASSPHRASE_VARIABLE: Final = "TUTELA_KEY_PASSPHRASE"  # noqa: S105 (the name of a variable)
PASSPHRASE_FILE_VARIABLE: Final = "TUTELA_KEY_PASSPHRASE_FILE"  # noqa: S105 (the name of a variable)


def seal(
    secret: bytes,
    passphrase: str,
    *,
    cost: int = DEFAULT_COST,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Return the bytes of a key file that holds `secret` (at most 64 KiB).

    Raises:
        SealedError: the secret is too long or the cost outside of `COSTS`.
        PassphraseMissing: the passphrase is empty or over 4 KiB.
    """
    if len(secret) > MAX_SECRET_BYTES:
        raise SealedError(f"A key file holds at most {MAX_SECRET_BYTES} bytes.")
    if cost not in COSTS:
        raise SealedError("The cost of a key file is outside of the range that can be opened again.")
    header = MAGIC + bytes((cost, BLOCK, PARALLEL, 0)) + random(SALT_BYTES) + random(NONCE_BYTES)
    salt = header[HEADER_BYTES : HEADER_BYTES + SALT_BYTES]
    nonce = header[HEADER_BYTES + SALT_BYTES :]
    return header + AESGCM(_derive(passphrase, salt, cost)).encrypt(nonce, secret, header)


def unseal(data: bytes, passphrase: str) -> bytes:
    """Return the secret of a key file's bytes.

    Raises:
        WrongPassphrase: the passphrase is another one, or the contents were changed.
        SealedError: this is not a key file of this version.
    """
    start = HEADER_BYTES + SALT_BYTES + NONCE_BYTES
    if not start + TAG_BYTES <= len(data) <= start + TAG_BYTES + MAX_SECRET_BYTES:
        raise SealedError("This is not a key file: its size is wrong.")
    header, ciphertext = data[:start], data[start:]
    cost = header[len(MAGIC)]
    sound = header[9:HEADER_BYTES] == bytes((BLOCK, PARALLEL, 0))
    if not header.startswith(MAGIC) or cost not in COSTS or not sound:
        raise SealedError("This is not a key file of a version that is known here.")
    salt, nonce = header[HEADER_BYTES : HEADER_BYTES + SALT_BYTES], header[-NONCE_BYTES:]
    try:
        return AESGCM(_derive(passphrase, salt, cost)).decrypt(nonce, ciphertext, header)
    except InvalidTag as error:
        raise WrongPassphrase(
            "The key file does not open: another passphrase, or a damaged file.",
            hint=f"Check {PASSPHRASE_VARIABLE} or the file that {PASSPHRASE_FILE_VARIABLE} names.",
        ) from error


def save(
    path: Path,
    secret: bytes,
    passphrase: str,
    *,
    overwrite: bool = False,
    cost: int = DEFAULT_COST,
) -> None:
    """Write `secret` to a key file, whole or not at all, readable by its owner only.

    Raises:
        KeyFileExists: the file is there and `overwrite` is false.
        KeyFileMissing: the folder cannot be written.
        SealedError, PassphraseMissing: as `seal`.
    """
    if path.exists() and not overwrite:
        raise KeyFileExists(
            f"The key file {path.name} exists already.", hint="Choose another name; keys are not overwritten."
        )
    data = seal(secret, passphrase, cost=cost)
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise KeyFileMissing(
            f"The key file {path.name} cannot be written.", hint="Does its folder exist, and is it yours?"
        ) from error


def load(path: Path, passphrase: str) -> bytes:
    """Return the secret of a key file.

    Raises:
        KeyFileMissing: there is no such file, or it cannot be read.
        WrongPassphrase, SealedError: as `unseal`.
    """
    limit = HEADER_BYTES + SALT_BYTES + NONCE_BYTES + TAG_BYTES + MAX_SECRET_BYTES
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise KeyFileMissing(f"The key file {path.name} cannot be read.") from error
    return unseal(data, passphrase)


def destroy(path: Path) -> None:
    """Overwrite a key file with random bytes, and unlink it.

    Does not reach copies, backups, or what a snapshot, a journal or flash memory keeps of the old bytes.

    Raises:
        KeyFileMissing: there is no such file, or it cannot be written.
    """
    target = path.resolve()
    try:
        with target.open("r+b") as file:
            file.write(os.urandom(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
        target.unlink()
        path.unlink(missing_ok=True)  # a link to it
    except OSError as error:
        raise KeyFileMissing(
            f"The key file {path.name} cannot be destroyed.", hint="Are the file and its folder yours?"
        ) from error


def passphrase_from_environment(environ: Mapping[str, str] | None = None) -> str:
    """Return the passphrase of the key files that the environment names.

    `TUTELA_KEY_PASSPHRASE` holds it, or `TUTELA_KEY_PASSPHRASE_FILE` names a file whose first line it is.

    Raises:
        PassphraseMissing: neither is set, both are, or the file cannot be read or is empty.
    """
    variables = os.environ if environ is None else environ
    direct, named = variables.get(PASSPHRASE_VARIABLE, ""), variables.get(PASSPHRASE_FILE_VARIABLE, "")
    if bool(direct) == bool(named):
        raise PassphraseMissing(
            "The passphrase of the key files is " + ("named twice." if direct else "not set."),
            hint=f"Set either {PASSPHRASE_VARIABLE}, or {PASSPHRASE_FILE_VARIABLE} to a file that holds it.",
        )
    return direct or _first_line(Path(named))


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_PASSPHRASE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise PassphraseMissing(f"The passphrase file {path.name} cannot be read.") from error
    line = text.split("\n", 1)[0].rstrip("\r")
    if not line:
        raise PassphraseMissing(f"The passphrase file {path.name} is empty.")
    return line


def _derive(passphrase: str, salt: bytes, cost: int) -> bytes:
    try:
        encoded = passphrase.encode()
    except UnicodeEncodeError as error:
        raise PassphraseMissing("The passphrase is not text.") from error
    if not 1 <= len(encoded) <= MAX_PASSPHRASE_BYTES:
        raise PassphraseMissing("A passphrase has 1 to 4096 bytes.")
    return Scrypt(salt=salt, length=32, n=1 << cost, r=BLOCK, p=PARALLEL).derive(encoded)

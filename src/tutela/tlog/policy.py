"""Policies (C2SP tlog-policy): which logs, which witnesses, and how many of whom make a quorum.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

A group may hold groups: `group safety 2 A B C`, `group both all safety liberties` asks for two of three
child-safety bodies and a civil-liberties witness.

What this does NOT protect: a policy is trusted as it stands. Whoever can replace the file decides whom to
trust.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from tutela.tlog.errors import BadPolicy, Malformed, TooFewWitnesses, Unsupported
from tutela.tlog.note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519, VerifierKey

NONE: Final = "none"
MAX_BYTES: Final = 512 * 1024
MAX_EACH: Final = 256
_LOG_TYPES: Final = frozenset({ED25519, COSIGNATURE_ML_DSA_44})
_WITNESS_TYPES: Final = frozenset({COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44})
_WHITE: Final = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log that is accepted."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """A witness, by its name in this policy."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of the members, which are witnesses or earlier groups."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy whose names all resolve. `quorum` is a witness's or group's name, or `none`."""

    logs: tuple[LogLine, ...]
    witnesses: tuple[WitnessLine, ...]
    groups: tuple[Group, ...] = ()
    quorum: str = NONE

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Read a policy file.

        Raises:
            BadPolicy: a line breaks a rule; or there are over 256 logs, witnesses or groups.
        """
        if len(data) > MAX_BYTES or any(byte < 0x20 and byte not in (9, 10) for byte in data) or 0x7F in data:
            raise BadPolicy("The policy is too large, or holds control characters.")
        reader = _Reader()
        text = data.decode("utf-8", "surrogateescape")  # names are opaque octets
        for number, line in enumerate(text.split("\n"), 1):
            words = [word for word in _WHITE.split(line) if word]
            if words and not words[0].startswith("#"):
                reader.line(number, words)
        return reader.policy()

    def to_bytes(self) -> bytes:
        """Return the policy as a file."""
        lines = [f"log {log.key} {log.url}".rstrip() for log in self.logs]
        lines += [f"witness {one.name} {one.key} {one.url}".rstrip() for one in self.witnesses]
        lines += [f"group {group.name} {group.threshold} {' '.join(group.members)}" for group in self.groups]
        return ("\n".join([*lines, f"quorum {self.quorum}"]) + "\n").encode("utf-8", "surrogateescape")

    def log_keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys of all logs."""
        return tuple(log.key for log in self.logs)

    def quorum_met(self, names: AbstractSet[str]) -> bool:
        """Tell whether the named witnesses make the quorum. A name counts once."""
        met = {witness.name for witness in self.witnesses} & names
        for group in self.groups:
            if len(met & set(group.members)) >= group.threshold:
                met = met | {group.name}
        return self.quorum == NONE or self.quorum in met

    def require(self, names: AbstractSet[str]) -> None:
        """Check that the named witnesses make the quorum.

        Raises:
            TooFewWitnesses: they do not.
        """
        if not self.quorum_met(names):
            raise TooFewWitnesses(
                f"{len(names)} of the policy's {len(self.witnesses)} witnesses vouch for this state of the "
                f"log; its quorum {self.quorum!a} asks for more.",
                hint="Wait until more witnesses have cosigned, and fetch the proof again.",
            )


@dataclass(slots=True)
class _Reader:
    logs: list[LogLine] = field(default_factory=list)
    witnesses: list[WitnessLine] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None
    free: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=lambda: {NONE})
    public: dict[str, set[bytes]] = field(default_factory=lambda: {"log": set(), "witness": set()})

    def line(self, number: int, words: list[str]) -> None:
        handlers: Mapping[str, tuple[int, int, str]] = {
            "log": (2, 3, "_log"),
            "witness": (3, 4, "_witness"),
            "group": (4, 3 + 2 * MAX_EACH, "_group"),
            "quorum": (2, 2, "_quorum"),
        }
        least, most, handler = handlers.get(words[0], (0, 0, ""))
        try:
            if not least <= len(words) <= most or not handler:
                raise BadPolicy("is not a log, witness, group or quorum line")  # noqa: TRY301
            getattr(self, handler)(words)
        except BadPolicy as error:
            raise BadPolicy(f"Line {number} of the policy {error.message}.") from error

    def policy(self) -> Policy:
        if self.quorum is None:
            raise BadPolicy(
                "The policy has no quorum line.", hint="Add one; `quorum none` asks for no witness."
            )
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)

    def _log(self, words: list[str]) -> None:
        key = self._key("log", words[1], _LOG_TYPES, len(self.logs))
        self.logs.append(LogLine(key, words[2] if len(words) > 2 else ""))

    def _witness(self, words: list[str]) -> None:
        key = self._key("witness", words[2], _WITNESS_TYPES, len(self.witnesses))
        self._define(words[1])
        self.witnesses.append(WitnessLine(words[1], key, words[3] if len(words) > 3 else ""))

    def _group(self, words: list[str]) -> None:
        _, name, many, *members = words
        if len(self.groups) >= MAX_EACH:
            raise BadPolicy("is one group too many")
        if len(set(members)) != len(members) or not set(members) <= self.free:
            raise BadPolicy("names a member that is unknown, or a member of a group already")
        threshold = {"all": len(members), "any": 1}.get(many) or _count(many)
        if not 1 <= threshold <= len(members):
            raise BadPolicy("asks for more members than the group has, or for none")
        self._define(name)
        self.free -= set(members)
        self.groups.append(Group(name, threshold, tuple(members)))

    def _quorum(self, words: list[str]) -> None:
        if self.quorum is not None:
            raise BadPolicy("is a second quorum")
        if words[1] not in self.named:
            raise BadPolicy("names a quorum that no line before it defines")
        self.quorum = words[1]

    def _define(self, name: str) -> None:
        if name in self.named:
            raise BadPolicy("defines a name that is taken")
        self.named.add(name)
        self.free.add(name)

    def _key(self, role: str, text: str, types: AbstractSet[int], count: int) -> VerifierKey:
        try:
            key = VerifierKey.parse(text)
        except (Malformed, Unsupported) as error:
            raise BadPolicy("holds a key that cannot be read") from error
        if key.type not in types:
            raise BadPolicy(f"holds a key of a type that a {role} does not use")
        if key.public in self.public[role] or count >= MAX_EACH:
            raise BadPolicy(f"names the same {role} again, or one too many")
        self.public[role].add(key.public)
        return key


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise BadPolicy("has a threshold that is not all, any or a number")
    return int(text)

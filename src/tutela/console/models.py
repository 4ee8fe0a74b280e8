"""People, machine accounts, and the append-only rows of the audit chain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Never

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from tutela.audit import Record
from tutela.errors import UsageError

from . import machines


class User(AbstractUser):
    """A person at the console. Roles are Django groups, named in `roles.ROLES`."""

    _roles: frozenset[str] | None = None

    @property
    def roles(self) -> frozenset[str]:
        """Return the names of the person's roles, read once per request."""
        if self._roles is None:
            self._roles = frozenset(self.groups.values_list("name", flat=True))
        return self._roles


class MachineAccount(models.Model):
    """A program that may call machine routes; see `machines` for its token."""

    name = models.CharField(max_length=64, unique=True)
    permissions = models.JSONField(default=list)
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    disabled_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """Return the account's name."""
        return self.name

    @classmethod
    def issue(cls, name: str, permissions: Iterable[str]) -> tuple[MachineAccount, str]:
        """Make an account, or give an existing one new permissions and a new token; return both.

        The token is shown here once and cannot be read back.
        """
        token = machines.new_token()
        account, _ = cls.objects.update_or_create(
            name=name,
            defaults={
                "permissions": sorted(set(permissions)),
                "token_hash": machines.token_hash(token),
                "disabled_at": None,
            },
        )
        return account, token


class AppendOnly(UsageError):
    """Somebody tried to change or remove an audit row."""

    code = "console.append-only"


def _refuse() -> Never:
    raise AppendOnly("Audit rows are only ever added.", hint="Record a new row that explains the old one.")


class AuditRows(models.QuerySet["AuditRow"]):
    """Rows that can be read and added. A database trigger refuses the rest as well."""

    def update(self, **kwargs: Any) -> int:
        """Refuse."""
        del kwargs
        _refuse()

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse."""
        _refuse()

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        """Refuse."""
        del args, kwargs
        _refuse()


class AuditRow(models.Model):
    """One link of the chain: who did what to what, when. Written by `audit.record` only.

    The columns are the fields of `tutela.audit.Record`; the digests are stored as 64 hex digits.
    """

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=100, db_index=True)
    subject = models.CharField(max_length=200, db_index=True)
    detail = models.JSONField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    objects = AuditRows.as_manager()

    class Meta:
        """Rows are read in the order of the chain."""

        ordering: ClassVar[list[str]] = ["sequence"]

    def __str__(self) -> str:
        """Return the row as a sentence."""
        return f"{self.sequence} {self.actor} {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; refuse to change a row that exists."""
        if not self._state.adding:
            _refuse()
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse."""
        del args, kwargs
        _refuse()

    @classmethod
    def from_record(cls, record: Record) -> AuditRow:
        """Return the row, not yet saved, that stores a record."""
        return cls(
            sequence=record.sequence,
            at=record.at,
            actor=record.actor,
            action=record.action,
            subject=record.subject,
            detail=dict(record.detail),
            previous=record.previous.hex(),
            digest=record.digest.hex(),
        )

    def to_record(self) -> Record:
        """Return the record that this row stores, unchecked."""
        return Record(
            sequence=self.sequence,
            at=self.at,
            actor=self.actor,
            action=self.action,
            subject=self.subject,
            detail=self.detail,
            previous=bytes.fromhex(self.previous),
            digest=bytes.fromhex(self.digest),
        )

"""What the register stores: the signed files in order, and the list versions that were drawn for signing.

The files are all there is: entries, disputes and versions are computed from them (`book`). The table is
append-only, and the database refuses everything else (`tutela.console.triggers`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from tutela.errors import UsageError

TABLE = "register_statementrow"
REFUSAL = "statements are append-only"


class StatementsAreAppendOnly(UsageError):
    """Somebody tried to change or remove an accepted statement."""

    code = "register.append_only"


class StatementRow(models.Model):
    """A signed statement or constitution, in its canonical layout, as it was accepted."""

    position = models.BigIntegerField(primary_key=True)
    received = models.DateTimeField()
    digest = models.CharField(max_length=64, unique=True, help_text="of what is signed, in hex")
    data = models.BinaryField()

    class Meta:
        """Rows are read in the order of the history."""

        ordering: ClassVar[list[str]] = ["position"]

    def __str__(self) -> str:
        """Return the row's place."""
        return f"statement {self.position}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; refuse to change a row that exists."""
        if not self._state.adding:
            raise StatementsAreAppendOnly("Accepted statements cannot be changed.")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse."""
        del args, kwargs
        raise StatementsAreAppendOnly("Accepted statements cannot be removed.")


class Draft(models.Model):
    """A list version as a curator drew it, so that all endorsers sign the same. It decides nothing."""

    number = models.BigIntegerField(unique=True)
    root = models.CharField(max_length=64)
    size = models.BigIntegerField(help_text="records of the history that it was drawn from")
    drawn = models.DateTimeField()
    valid_until = models.DateTimeField()
    constitution = models.CharField(max_length=64)

    class Meta:
        """The newest last."""

        ordering: ClassVar[list[str]] = ["number"]

    def __str__(self) -> str:
        """Return the version's number."""
        return f"list version {self.number}"

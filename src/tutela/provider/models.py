"""What the provider stores. Anything that could show a picture is sealed at rest (`atrest`).

Of a voucher that did not open there is one `Arrival` row: its slot and a keyed digest of its bytes, so that
a repeated delivery is recognised and a replayed slot refused. It says nothing of a picture.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from tutela.provider.cases import FINAL, State


class Device(models.Model):
    """One enrolment of one device under one table: its commitment to one device key."""

    class Key(models.TextChoices):
        """How far the device key is spent."""

        CURRENT = "current", "in use"
        SPENT = "spent", "opened: nothing more is opened with it once its case is decided"
        REPLACED = "replaced", "a newer enrolment is in use"

    account = models.CharField(max_length=255)
    device_id = models.CharField(max_length=255)
    table_id = models.CharField(max_length=64)
    tag = models.CharField(max_length=32, help_text="names account and device in their vouchers")
    enrolment = models.BinaryField()
    enrolment_sha256 = models.CharField(max_length=64)
    key = models.CharField(max_length=8, choices=Key, default=Key.CURRENT)
    enrolled_at = models.DateTimeField()
    renew_at = models.DateTimeField(help_text="drawn at enrolment, whatever happens to the key")
    opened_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="the window's end: everything of the device goes then")
    evaluation_due = models.BooleanField(default=False)

    class Meta:
        """An enrolment is stored once."""

        constraints = (
            models.UniqueConstraint(
                fields=("account", "device_id", "table_id", "enrolment_sha256"), name="one_enrolment"
            ),
        )
        indexes = (
            models.Index(fields=("tag", "table_id")),
            models.Index(fields=("evaluation_due",)),
            models.Index(fields=("expires_at",)),
        )

    def __str__(self) -> str:
        return f"device {self.pk}"


class Arrival(models.Model):
    """A voucher was delivered: what idempotency and the refusal of replays need, nothing more."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="arrivals")
    slot = models.BigIntegerField()
    digest = models.BinaryField(max_length=16, help_text="keyed: only this server can compare it")
    arrived_at = models.DateTimeField()

    class Meta:
        """A slot is used once by a device under a table."""

        constraints = (models.UniqueConstraint(fields=("device", "slot"), name="one_voucher_per_slot"),)
        indexes = (models.Index(fields=("device", "arrived_at")),)

    def __str__(self) -> str:
        return f"arrival {self.pk}"


class Voucher(models.Model):
    """A voucher of which at least one token is listed. Below the threshold its picture stays closed."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="vouchers")
    slot = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, unique=True)
    sealed_voucher = models.BinaryField()
    sealed_opened = models.BinaryField()
    ip = models.GenericIPAddressField()
    port = models.PositiveIntegerField(null=True, blank=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        """A slot is used once by a device under a table."""

        constraints = (models.UniqueConstraint(fields=("device", "slot"), name="one_opened_per_slot"),)
        indexes = (models.Index(fields=("expires_at",)),)

    def __str__(self) -> str:
        return f"voucher {self.pk}"


class Case(models.Model):
    """A device crossed the threshold and the clear check held."""

    reference = models.CharField(max_length=16, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="cases")
    state = models.CharField(max_length=20, choices=[(s.value, s.value) for s in State])
    threshold = models.PositiveIntegerField()
    epoch = models.PositiveIntegerField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="tries to fetch the originals")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    notice_due_at = models.DateTimeField(null=True, blank=True)
    notified_at = models.DateTimeField(null=True, blank=True)
    preserve_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One case for one device key."""

        constraints = (models.UniqueConstraint(fields=("device",), name="one_case_per_device_key"),)
        indexes = (models.Index(fields=("state", "opened_at")),)

    def __str__(self) -> str:
        return self.reference

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow any more."""
        return State(self.state) in FINAL


class CaseImage(models.Model):
    """One opened picture of a case: what was listed, how near it is, where and when it was sent."""

    class Original(models.TextChoices):
        """What became of the encrypted original."""

        UNTOUCHED = "untouched", "not fetched"
        VERIFIED = "verified", "fetched and verified"
        MISMATCH = "mismatch", "not the picture of the voucher"
        UNAVAILABLE = "unavailable", "no longer on the homeserver"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="images")
    slot = models.BigIntegerField()
    entry_id = models.CharField(max_length=255)
    cluster = models.CharField(max_length=255)
    category = models.CharField(max_length=64)
    distance = models.PositiveIntegerField()
    ip = models.GenericIPAddressField(null=True, blank=True, help_text="goes with the content")
    port = models.PositiveIntegerField(null=True, blank=True)
    sent_at = models.DateTimeField()
    sealed_revealed = models.BinaryField(null=True, blank=True)
    derivative_distance = models.PositiveIntegerField(
        null=True, blank=True, help_text="bits off the hash that matched; null: there is no derivative"
    )
    original = models.CharField(max_length=12, choices=Original, default=Original.UNTOUCHED)
    sealed_original = models.BinaryField(
        null=True, blank=True, help_text="hashes of the original, for the report"
    )
    withdrawn = models.BooleanField(default=False)

    class Meta:
        """A slot counts once in a case."""

        ordering = ("sent_at", "slot")
        constraints = (models.UniqueConstraint(fields=("case", "slot"), name="one_image_per_slot"),)
        indexes = (models.Index(fields=("entry_id",)),)

    def __str__(self) -> str:
        return f"{self.case_id}/{self.pk}"


class Decision(models.Model):
    """One person's decision on a case. A person decides once."""

    class Verdict(models.TextChoices):
        """What the person says of the derivatives."""

        AGREE = "agree", "They agree with the listed entries"
        DISAGREE = "disagree", "At least one does not, or is not what the list says"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="decisions")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=8, choices=Verdict)
    reason = models.TextField(max_length=2000)
    decided_at = models.DateTimeField()

    class Meta:
        """Two decisions are two people."""

        ordering = ("decided_at", "pk")
        constraints = (models.UniqueConstraint(fields=("case", "reviewer"), name="one_decision_per_person"),)

    def __str__(self) -> str:
        return f"decision {self.pk}"


class ReportJob(models.Model):
    """The outbox to the centre: one session that survives any crash (`tutela.cybertip.session`).

    The document is fixed before the first call and is sent unchanged in every try, under one idempotency key,
    so that a repeated submission is recognised as the same report.
    """

    class Kind(models.TextChoices):
        """Why the centre is written to."""

        REPORT = "report", "report"
        CORRECTION = "correction", "an entry was withdrawn; the report stands on the others"
        REVERSAL = "reversal", "the report is taken back"

    class State(models.TextChoices):
        """How far the session is."""

        OPEN = "open", "waiting or under way"
        RETRACTING = "retracting", "to be taken back before it is finished"
        FINISHED = "finished", "finished"
        RETRACTED = "retracted", "taken back"
        STUCK = "stuck", "refused by the centre; a person must look"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    sealed_document = models.BinaryField(null=True, blank=True)
    session = models.JSONField(
        null=True, blank=True, help_text="where the session stands, as it stored itself"
    )
    report_id = models.BigIntegerField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=64, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One report and at most one reversal for a case; each withdrawal may bring a correction."""

        constraints = (
            models.UniqueConstraint(
                fields=("case", "kind"), condition=~models.Q(kind="correction"), name="one_job_per_kind"
            ),
        )
        indexes = (models.Index(fields=("state", "next_attempt_at")),)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Appeal(models.Model):
    """The account holder says that a case is wrong; a supervisor who did not review it decides."""

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", "waiting for a supervisor"
        UPHELD = "upheld", "upheld: the case is reversed"
        DECLINED = "declined", "declined"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="appeals")
    statement = models.TextField(max_length=4000)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    received_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(max_length=2000, blank=True)

    class Meta:
        """One open appeal at a time."""

        ordering = ("-received_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("case",), condition=models.Q(state="open"), name="one_open_appeal_per_case"
            ),
        )

    def __str__(self) -> str:
        return f"appeal {self.pk}"


class Withdrawal(models.Model):
    """A list entry that no longer counts, whatever the list in use says."""

    entry_id = models.CharField(max_length=255, unique=True)
    reason = models.TextField(max_length=2000)
    actor = models.CharField(max_length=150)
    withdrawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.entry_id

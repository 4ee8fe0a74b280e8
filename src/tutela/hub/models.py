"""What the hub stores: agencies, reports as they arrived, their sealed files, decisions and notes.

The XML is kept byte for byte. Fields beside it are a summary for lists and searches; whatever a page
or a decision needs beyond them is parsed from the XML again. Files are sealed on disk (`storage`);
the database holds their names, sizes and hashes.

What this does NOT protect: the documents and their summary stand in the database in the clear, because
every list and page needs them. Keep the database on an encrypted disk.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from tutela.cybertip.storage import State
from tutela.hub.casework import CaseState


class Agency(models.Model):
    """Who takes referrals. Rows follow the rule file; they are never removed, because reports name them."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    countries = models.JSONField(default=list)
    active = models.BooleanField(default=True)

    class Meta:
        """Lists are read by name."""

        ordering = ("name",)
        verbose_name_plural = "agencies"

    def __str__(self) -> str:
        return self.name


class Report(models.Model):
    """One report, from `/submit` on. `id` is the reportId that the provider gets."""

    esp = models.ForeignKey("console.MachineAccount", on_delete=models.PROTECT, related_name="+")
    intake = models.CharField(max_length=9, choices=[(s.value, s.value) for s in State], default=State.OPEN)
    state = models.CharField(
        max_length=8,
        blank=True,
        choices=[(s.value, s.value) for s in CaseState],
        help_text="empty until finished",
    )
    agency = models.ForeignKey(
        Agency,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        help_text="proposed by the rules, then chosen",
    )
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text="of the intake: what expiry counts from")
    finished_at = models.DateTimeField(null=True, blank=True)
    xml = models.BinaryField(help_text="as received; emptied when retracted or expired")
    fingerprint = models.CharField(max_length=64, help_text="of the submission, to recognise a repeat")
    warnings = models.JSONField(default=list, help_text="what the document had beyond the schema")
    incident_type = models.CharField(max_length=100)
    incident_at = models.DateTimeField(null=True, blank=True)
    platform = models.CharField(max_length=256, blank=True)
    escalated = models.BooleanField(default=False, help_text="the provider asks for high priority")

    class Meta:
        """Casework begins when the provider has finished."""

        ordering = ("-finished_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(intake="finished", finished_at__isnull=False)
                | (~models.Q(intake="finished") & models.Q(state="")),
                name="casework_begins_when_finished",
            ),
        )
        indexes = (
            models.Index(fields=("state", "-finished_at")),
            models.Index(fields=("intake", "changed_at")),
            models.Index(fields=("esp", "fingerprint")),
        )

    def __str__(self) -> str:
        return f"report {self.pk}"


class ReportFile(models.Model):
    """A file of a report. Its bytes are sealed on disk under the hub's key."""

    class Viewed(models.TextChoices):
        """Whether the provider's staff saw the file: the law decides by it who may open it."""

        YES = "yes", "Yes"
        NO = "no", "No"
        UNKNOWN = "unknown", "Not stated"

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="files")
    file_id = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=500, blank=True)
    size = models.BigIntegerField()
    md5 = models.CharField(max_length=32)
    sha256 = models.CharField(max_length=64, db_index=True)
    uploaded_at = models.DateTimeField()
    details_sha256 = models.CharField(
        max_length=64, blank=True, help_text="of the newest statement; empty without"
    )
    viewed = models.CharField(max_length=7, choices=Viewed, default=Viewed.UNKNOWN)
    access_basis = models.CharField(
        max_length=16, blank=True, help_text="legal ground to open a file not viewed"
    )
    access_note = models.CharField(max_length=500, blank=True)
    access_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        """A repeated upload finds its file as long as nothing was said about it."""

        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("report", "name", "sha256"),
                condition=models.Q(details_sha256=""),
                name="one_file_per_upload",
            ),
        )

    def __str__(self) -> str:
        return f"file {self.file_id}"


class FileStatement(models.Model):
    """A `<fileDetails>` as received. A later one corrects the earlier ones; all are kept."""

    file = models.ForeignKey(ReportFile, on_delete=models.CASCADE, related_name="statements")
    xml = models.BinaryField()
    warnings = models.JSONField(default=list)
    received_at = models.DateTimeField()

    class Meta:
        """In the order of arrival."""

        ordering = ("id",)

    def __str__(self) -> str:
        return f"statement {self.pk} on file {self.file_id}"


class RoutingDecision(models.Model):
    """Where a report was sent, by the rules or by a person, and why. The newest one counts."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="decisions")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT)
    country = models.CharField(max_length=2, blank=True)
    confidence = models.FloatField(null=True, blank=True, help_text="0..1; empty where a person decided")
    placed = models.BooleanField(
        default=True, help_text="false: the desk took it for want of a rule or a signal"
    )
    reasons = models.JSONField(default=list)
    cautions = models.JSONField(default=list)
    signals = models.JSONField(default=list)
    others = models.JSONField(default=list, help_text="[country, confidence] of the other countries")
    rules_sha256 = models.CharField(max_length=64, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    made_at = models.DateTimeField()

    class Meta:
        """In the order in which they were made."""

        ordering = ("id",)

    def __str__(self) -> str:
        return f"decision {self.pk} on report {self.report_id}"


class CaseNote(models.Model):
    """What a person did or wrote about a report."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    at = models.DateTimeField()
    action = models.CharField(max_length=16, help_text="a move, `note`, `allow` or `show`")
    text = models.CharField(max_length=2000, blank=True)

    class Meta:
        """Oldest first: the history reads downwards."""

        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"note {self.pk} on report {self.report_id}"

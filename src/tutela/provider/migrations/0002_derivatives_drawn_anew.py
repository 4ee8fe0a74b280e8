"""Derivatives that were drawn anew, with their distance; addresses that go with a case's content."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations.state import StateApps


def _forget_addresses(apps: StateApps, editor: object) -> None:
    del editor
    deleted = apps.get_model("provider", "CaseImage").objects.filter(sealed_revealed=None)
    deleted.update(ip=None, port=None)


class Migration(migrations.Migration):
    """A picture of before has no distance: its derivative is as its device made it, and is not shown."""

    dependencies = (("provider", "0001_initial"),)

    operations = (
        migrations.AddField(
            model_name="caseimage",
            name="derivative_distance",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="bits off the hash that matched; null: there is no derivative",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="caseimage",
            name="ip",
            field=models.GenericIPAddressField(blank=True, help_text="goes with the content", null=True),
        ),
        migrations.RunPython(_forget_addresses, migrations.RunPython.noop),
    )

"""The database itself refuses to change or remove accepted statements."""

from django.db import migrations

from tutela.console import triggers
from tutela.register.models import REFUSAL, TABLE


def create(apps, schema_editor):
    triggers.create(schema_editor.connection, TABLE, REFUSAL)


def drop(apps, schema_editor):
    triggers.drop(schema_editor.connection, TABLE)


class Migration(migrations.Migration):
    dependencies = [("register", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]

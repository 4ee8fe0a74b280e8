"""The database's own refusal to change or remove rows of append-only tables, for SQLite and PostgreSQL."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

AUDIT = "console_auditrow"

_CREATE: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER {{table}}_no_{act.lower()} BEFORE {act} ON {{table}} "
        "BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        for act in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        """CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$""",
        """CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()""",
    ),
}
_DROP: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(f"DROP TRIGGER IF EXISTS {{table}}_no_{act}" for act in ("update", "delete")),
    "postgresql": (
        "DROP TRIGGER IF EXISTS {table}_no_change ON {table}",
        "DROP FUNCTION IF EXISTS {table}_refuse()",
    ),
}


def create(
    connection: BaseDatabaseWrapper, table: str = AUDIT, refusal: str = "audit rows are append-only"
) -> None:
    """Put the triggers of a table in place; `refusal` is what the database says, without quotes."""
    _run(connection, _CREATE[connection.vendor], table, refusal)


def drop(connection: BaseDatabaseWrapper, table: str = AUDIT) -> None:
    """Take the triggers away: for migrating backwards, and for tests that empty their tables."""
    _run(connection, _DROP[connection.vendor], table, "")


def _run(connection: BaseDatabaseWrapper, statements: tuple[str, ...], table: str, refusal: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(table=table, refusal=refusal))

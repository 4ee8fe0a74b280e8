"""Write and check the hash-chained audit rows.

`record` belongs inside the transaction of the act that it records: without one it refuses, so a failed
record undoes the act. Details are ids, states and counts; never content, hashes or contact data.

Does not protect: a person with full control of the database can drop the trigger and rewrite the whole
chain. Note the head (`verify_chain`) somewhere else to be able to find that out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from tutela.audit import Head, Record, Scalar, append, verify
from tutela.errors import UsageError

from .models import AuditRow, MachineAccount, User

_LOCK = 0x7475_7465_6C61  # PostgreSQL's advisory lock of the chain: "tutela"


class OutsideTransaction(UsageError):
    """`record` was called outside a transaction."""

    code = "console.audit-outside-transaction"


def record(
    request_or_actor: HttpRequest | User | MachineAccount | str,
    action: str,
    subject: str,
    detail: Mapping[str, Scalar] | None = None,
) -> AuditRow:
    """Append a row to the chain, in the caller's transaction.

    Args:
        request_or_actor: the request (its person or machine account is the actor), or the actor.
        action: what was done, as a dotted verb such as `case.decided`.
        subject: what it was done to, as `kind/id`.
        detail: ids, states and counts: text, whole numbers, booleans and None.

    Raises:
        OutsideTransaction: there is no transaction that the row could share.
        tutela.audit.MalformedRecord: a value that no record may hold.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction("An audit row needs the transaction of its act.", hint="Use atomic().")
    _serialise()
    last = AuditRow.objects.last()
    link = append(
        last.to_record() if last else None,
        actor_name(request_or_actor),
        action,
        subject,
        timezone.now(),
        detail,
    )
    row = AuditRow.from_record(link)
    row.save()
    return row


def actor_name(who: HttpRequest | User | MachineAccount | str) -> str:
    """Return `user/NAME`, `machine/NAME`, `anonymous`, or the given word."""
    if isinstance(who, str):
        return who
    if isinstance(who, MachineAccount):
        return f"machine/{who.name}"
    if isinstance(who, User):
        return f"user/{who.get_username()}"
    account = getattr(who, "machine", None)
    if isinstance(account, MachineAccount):
        return actor_name(account)
    user = getattr(who, "user", None)
    return actor_name(user) if isinstance(user, User) else "anonymous"


def records() -> Iterator[Record]:
    """Yield the chain from its first record, for checks and exports (`tutela.audit.dump`)."""
    for row in AuditRow.objects.iterator(chunk_size=1000):
        yield row.to_record()


def verify_chain(*, head: Head | None = None) -> Head:
    """Check every row against the one before; return the chain's head.

    Args:
        head: the end that the chain is known to have, from a note made elsewhere.

    Raises:
        tutela.audit.ChainBroken: with the place of the first fault.
    """
    with transaction.atomic():
        return verify(records(), head=head)


def _serialise() -> None:
    """Let one writer append at a time. SQLite does so by itself: its transactions begin IMMEDIATE."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])

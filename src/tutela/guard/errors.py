"""What can go wrong in the guard."""

from __future__ import annotations

from tutela.errors import EnvironmentProblem, InputError, UsageError


class GuardStateDamaged(InputError):
    """The guard's own folder or database cannot be used."""

    code = "guard.state"


class NoGuardState(UsageError):
    """There is no guard in this folder."""

    code = "guard.no_state"


class OtherDevice(UsageError):
    """The guard's folder belongs to another account or device."""

    code = "guard.other_device"


class OutboxFull(EnvironmentProblem):
    """Too much waits to be sent; nothing was added."""

    code = "guard.outbox_full"

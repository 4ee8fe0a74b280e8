"""The organisations that a console can serve, and the names that their pages show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of console.

    Attributes:
        name: value of `TUTELA_ROLE`, and the label of the role's Django app.
        app: dotted name of the Django app.
        organisation: who runs it, shown first in the header.
        service: the service's name, shown in the header and in every page title.
        phase: sentence of the phase banner.
        groups: the roles that a person can hold here (see `permissions.PERMISSIONS`).
        port: port that `tutela serve` takes when none is given.
        pictures: whether pages show pictures; the footer warns of them then.
    """

    name: str
    app: str
    organisation: str
    service: str
    phase: str
    groups: tuple[str, ...]
    port: int
    pictures: bool = True


ROLES: dict[str, Role] = {
    "provider": Role(
        name="provider",
        app="tutela.provider",
        organisation="Provider",
        service="Tutela safety review",
        phase="Only what passed the match threshold can be opened here, and two people decide.",
        groups=("reviewer", "supervisor", "administrator"),
        port=8710,
    ),
    "hub": Role(
        name="hub",
        app="tutela.hub",
        organisation="National centre",
        service="Tutela referrals",
        phase="Reports carry legal clocks. Every opening of a file is recorded.",
        groups=("analyst", "supervisor", "administrator"),
        port=8720,
    ),
    "register": Role(
        name="register",
        app="tutela.register",
        organisation="Register",
        service="Tutela list register",
        phase="No picture is here: only who stated what, signed, and what follows from it.",
        groups=("curator", "endorser", "administrator"),
        port=8730,
        pictures=False,
    ),
}

#: What pages show while no role is chosen: type checking, migrations, tests.
NO_ROLE = Role(
    name="",
    app="",
    organisation="Tutela",
    service="Tutela console",
    phase="No role is chosen.",
    groups=("administrator",),
    port=8700,
)


def role_named(name: str) -> Role:
    """Return the role of that name, or `NO_ROLE` for anything else."""
    return ROLES.get(name, NO_ROLE)

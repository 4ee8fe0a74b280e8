"""`tutela distribution expiries|renew|rotate|delegate`: what the holders of the offline keys do, rarely."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli.lists import AsJSON, say
from tutela.cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tutela.distribution.keys import Signer

Folder = Annotated[Path, typer.Argument(metavar="REPOSITORY", help="Folder of the repository.")]
Keys = Annotated[
    Path, typer.Option(help="Folder of key files that are in force, under TUTELA_KEY_PASSPHRASE.")
]
NewKeys = Annotated[Path, typer.Option(help="Folder that new key files are written to.")]
RootOut = Annotated[Path | None, typer.Option(help="File for the new root, for programs from now on.")]
ONLINE = ("snapshot", "timestamp")


def expiries_command(
    folder: Folder,
    *,
    within: Annotated[
        int, typer.Option(min=0, help="Days: exit code 1 if one ends sooner, the timestamp apart.")
    ] = 0,
    as_json: AsJSON = False,
) -> None:
    """Say until when each statement of a repository is believed."""
    from tutela.distribution import Repository
    from tutela.distribution.errors import RunsOut

    found = Repository(folder).expiries()
    now, soon = datetime.now(UTC), datetime.now(UTC) + timedelta(days=within)
    late = [role for role, until in found.items() if until <= (now if role == "timestamp" else soon)]
    if late:
        raise RunsOut(f"({', '.join(late)}: {min(found[role] for role in late):%Y-%m-%d %H:%M} UTC.)")
    result = {"ok": True, "repository": str(folder), "expiries": {r: u.isoformat() for r, u in found.items()}}

    def human() -> None:
        for role, until in sorted(found.items(), key=lambda pair: pair[1]):
            say(f"{until:%Y-%m-%d %H:%M} UTC  {role}")

    emit(result, human, as_json=as_json)


def renew_command(
    folder: Folder,
    *,
    keys: Keys,
    role: Annotated[list[str], typer.Option(help="root, targets, snapshot, an organisation; repeatable.")],
    root_out: RootOut = None,
    as_json: AsJSON = False,
) -> None:
    """Sign again what would run out, with the same keys. For the root, as many of its keys as must sign."""
    from tutela.cli.distribution import signers_in
    from tutela.distribution import Repository

    needed = [*role, *(ONLINE if set(role) != {"root"} else ())]
    repository = Repository(folder)
    repository.renew(role, signers_in(keys, tuple(dict.fromkeys(needed))), datetime.now(UTC))
    _finish(folder, role, root_out, as_json=as_json)


def rotate_command(
    folder: Folder,
    *,
    keys: Keys,
    new_keys: NewKeys,
    role: Annotated[list[str], typer.Option(help="root, targets, snapshot or timestamp; repeatable.")],
    root_keys: Annotated[int, typer.Option(min=1, max=16, help="With the root: how many keys are made.")] = 3,
    root_threshold: Annotated[int, typer.Option(min=1, max=16, help="How many of them must sign.")] = 2,
    root_out: RootOut = None,
    as_json: AsJSON = False,
) -> None:
    """Give roles new keys by a new root, which the old root's keys and the new one's sign."""
    from tutela.cli.distribution import signers_in
    from tutela.distribution import Repository, RoleKeys
    from tutela.distribution.errors import CannotPublish

    if root_threshold > root_keys:
        raise CannotPublish("The threshold is above the number of root keys.")
    now = datetime.now(UTC)
    names = [each for each in dict.fromkeys(role) if each != "root"]
    old = signers_in(keys, tuple(dict.fromkeys(("root", *names, *(ONLINE if names else ())))))
    made = {f"root-{number + 1}" for number in range(root_keys if "root" in role else 0)}.union(names)

    def publish(signers: Mapping[str, Signer]) -> None:
        its = {name: RoleKeys.of([signers[name]]) for name in names}
        if "root" in role:
            roots = [signer for name, signer in signers.items() if name.startswith("root-")]
            its["root"] = RoleKeys.of(roots, root_threshold)
        Repository(folder).rotate(its, [*old, *signers.values()], now)

    _with_new_keys(new_keys, sorted(made), publish)
    _finish(folder, role, root_out, as_json=as_json, keys=sorted(f"{name}.key" for name in made))


def delegate_command(
    folder: Folder,
    organisation: Annotated[str, typer.Argument(help="Small letters, digits, hyphens.")],
    *,
    keys: Keys,
    new_keys: NewKeys,
    path: Annotated[list[str], typer.Option(help="Pattern, repeatable. [default: those that it has]")] = [],  # noqa: B006
    as_json: AsJSON = False,
) -> None:
    """Let an organisation publish under paths, or give it a new key; the targets' key signs."""
    from tutela.cli.distribution import signers_in
    from tutela.distribution import Organisation, Repository, RoleKeys

    repository, now = Repository(folder), datetime.now(UTC)
    paths = tuple(path) or repository.delegated_paths(organisation)
    old = signers_in(keys, ("targets", *ONLINE))

    def publish(signers: Mapping[str, Signer]) -> None:
        its = RoleKeys.of(list(signers.values()))
        repository.delegate(Organisation(organisation, its, paths), [*old, *signers.values()], now)

    _with_new_keys(new_keys, [organisation], publish)
    _finish(folder, ["targets", organisation], None, as_json=as_json, keys=[f"{organisation}.key"])


def register(app: typer.Typer) -> None:
    """Add the commands to `tutela distribution`."""
    app.command("expiries")(expiries_command)
    app.command("renew")(renew_command)
    app.command("rotate")(rotate_command)
    app.command("delegate")(delegate_command)


def _with_new_keys(folder: Path, names: list[str], publish: Callable[[Mapping[str, Signer]], None]) -> None:
    """Write new key files, then publish with them; if that was refused, they go again."""
    from tutela.cli.distribution import save
    from tutela.distribution import signer
    from tutela.distribution.errors import CannotPublish, NotEnoughKeys

    if taken := [name for name in names if (folder / f"{name}.key").exists()]:
        raise CannotPublish(f"The folder for new keys holds {taken[0]}.key already.")
    made = {name: secrets.token_bytes(32) for name in names}
    save(folder, made)
    try:
        publish({name: signer(secret) for name, secret in made.items()})
    except (CannotPublish, NotEnoughKeys):
        for name in names:
            (folder / f"{name}.key").unlink()
        raise


def _finish(folder: Path, roles: list[str], root_out: Path | None, *, as_json: bool, **more: Any) -> None:
    """Write the newest root where it was asked for, and say what was done."""
    from tutela.cli.distribution import show
    from tutela.distribution import Repository
    from tutela.distribution.storage import storage_errors, write

    repository = Repository(folder)
    if root_out:
        with storage_errors():
            write(root_out, repository.root())
    until = {role: each.isoformat() for role, each in repository.expiries().items()}
    result = {"ok": True, "repository": str(folder), "roles": list(roles), **more, "expiries": until}
    emit(result, lambda: show(result), as_json=as_json)

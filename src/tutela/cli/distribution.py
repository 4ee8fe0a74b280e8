"""`tutela distribution`: publish lists and epochs, and fetch what is current from a server or a folder."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutela.cli import distribution_keys
from tutela.cli.lists import AsJSON, progress, say
from tutela.cli.output import emit

if TYPE_CHECKING:
    from tutela.distribution import Updater
    from tutela.distribution.keys import Signer

app = typer.Typer(no_args_is_help=True, help="Publish lists and epochs; fetch what is current, verified.")

distribution_keys.register(app)

Folder = Annotated[Path, typer.Argument(metavar="REPOSITORY", help="Folder of the repository.")]
Location = Annotated[str, typer.Argument(help="https address of a repository, or a folder.")]
Keys = Annotated[Path, typer.Option(help="Folder of key files, under TUTELA_KEY_PASSPHRASE.")]
Root = Annotated[Path | None, typer.Option(help="The trusted root; needed the first time only.")]
State = Annotated[Path, typer.Option(help="Folder that remembers what was seen.")]
Name = Annotated[str, typer.Option("--organisation", help="Who publishes.")]
ProofsBy = Annotated[str, typer.Option(help="Organisation that renews epochs' proofs.")]


@app.command("init")
def init_command(
    folder: Folder,
    *,
    keys: Annotated[Path, typer.Option(help="Folder for new key files; it must hold none.")],
    root_out: Annotated[Path, typer.Option(help="File for the root that readers begin from.")],
    root_keys: Annotated[int, typer.Option(min=1, max=16, help="How many root keys are made.")] = 3,
    root_threshold: Annotated[int, typer.Option(min=1, max=16, help="How many of them must sign.")] = 2,
    epochs_by: Annotated[str, typer.Option(help="Organisation that publishes epochs.")] = "builder",
    proofs_by: ProofsBy = "log",
    lists_by: Annotated[list[str], typer.Option(help="Organisation that publishes lists; repeatable.")] = [],  # noqa: B006
    as_json: AsJSON = False,
) -> None:
    """Make keys and an empty repository. Move the root's key files to separate, offline places afterwards."""
    from tutela.distribution import Organisation, Repository, RoleKeys
    from tutela.distribution.errors import CannotPublish
    from tutela.distribution.paths import EPOCH_PATTERNS, PROOF_PATTERNS

    if root_threshold > root_keys or list(keys.glob("*.key")):
        raise CannotPublish("The folder holds keys already, or the threshold is above the number of keys.")
    patterns = {proofs_by: list(PROOF_PATTERNS)}
    patterns.setdefault(epochs_by, []).extend(EPOCH_PATTERNS)
    for name in lists_by:
        patterns.setdefault(name, []).append(f"lists/{name}/*")
    made = {f"root-{number + 1}": secrets.token_bytes(32) for number in range(root_keys)}
    made |= {name: secrets.token_bytes(32) for name in ("targets", "snapshot", "timestamp", *patterns)}
    signers = _signers_of(made)
    roots = [signers[name] for name in made if name.startswith("root-")]
    roles = {"root": RoleKeys.of(roots, root_threshold)}
    roles |= {name: RoleKeys.of([signers[name]]) for name in ("targets", "snapshot", "timestamp")}
    organisations = [
        Organisation(name, RoleKeys.of([signers[name]]), tuple(its)) for name, its in patterns.items()
    ]
    save(keys, made)
    root = Repository(folder).create(roles, organisations, list(signers.values()), datetime.now(UTC))
    _write(root_out, root)
    result = {
        "ok": True,
        "repository": str(folder),
        "root": str(root_out),
        "root_threshold": root_threshold,
        "keys": sorted(f"{name}.key" for name in made),
    }
    emit(result, lambda: show(result), as_json=as_json)


@app.command("publish")
def publish_command(
    folder: Folder,
    epoch: Annotated[Path | None, typer.Argument(help="Folder of an epoch.")] = None,
    *,
    keys: Keys,
    organisation: Name = "builder",
    proofs_by: ProofsBy = "log",
    file: Annotated[list[Path], typer.Option(help="File for lists/<organisation>/; repeatable.")] = [],  # noqa: B006
    as_json: AsJSON = False,
) -> None:
    """Publish an epoch, or files of a list; with neither, renew the organisation's word."""
    from tutela.distribution import Repository

    repository, now = Repository(folder), datetime.now(UTC)
    names = (organisation, *((proofs_by,) if epoch else ()), "snapshot", "timestamp")
    signers, number = signers_in(keys, tuple(dict.fromkeys(names))), None
    if epoch:
        number = repository.publish_epoch(epoch, signers, now)
    if file or epoch is None:
        repository.publish(
            organisation, {f"lists/{organisation}/{each.name}": each for each in file}, signers, now
        )
    result = {"ok": True, "repository": str(folder), "organisation": organisation, "epoch": number}
    result["files"] = [each.name for each in file]
    emit(result, lambda: show(result), as_json=as_json)


@app.command("publish-proofs")
def publish_proofs_command(
    folder: Folder,
    epoch: Annotated[Path, typer.Argument(help="Folder of an epoch, after `tutela epoch refresh`.")],
    *,
    keys: Keys,
    proofs_by: ProofsBy = "log",
    as_json: AsJSON = False,
) -> None:
    """Publish the fresh proofs of an epoch, daily; the builder's keys are not needed."""
    from tutela.distribution import Repository

    signers = signers_in(keys, (proofs_by, "snapshot", "timestamp"))
    number = Repository(folder).publish_proofs(epoch, signers, datetime.now(UTC))
    result = {"ok": True, "repository": str(folder), "organisation": proofs_by, "epoch": number}
    emit(result, lambda: show(result), as_json=as_json)


@app.command("refresh-timestamp")
def refresh_command(folder: Folder, *, keys: Keys, as_json: AsJSON = False) -> None:
    """Say for another day that the state is current."""
    from tutela.distribution import Repository

    until = Repository(folder).refresh_timestamp(signers_in(keys, ("timestamp",)), datetime.now(UTC))
    result = {"ok": True, "repository": str(folder), "valid_until": until.isoformat()}
    emit(result, lambda: show(result), as_json=as_json)


@app.command("mirror")
def mirror_command(
    location: Location,
    folder: Annotated[Path, typer.Argument(help="Folder of the mirror.")],
    *,
    root: Root = None,
    as_json: AsJSON = False,
) -> None:
    """Copy what is current into a folder, verified; or bring the folder up to date."""
    from tutela.distribution import mirror

    with progress("Copying") as step:
        made = mirror(location, folder, root=_read(root), now=datetime.now(UTC), progress=step)
    result = {
        "ok": True,
        "folder": str(folder),
        "files": made.files,
        "received": made.received,
        "resumed": made.resumed,
        **made.status.to_dict(),
    }
    emit(result, lambda: show(result), as_json=as_json)


@app.command("fetch")
def fetch_command(
    location: Location,
    out: Annotated[Path, typer.Argument(help="Folder of the epoch; replaced as a whole.")],
    *,
    state: State,
    root: Root = None,
    epoch: Annotated[int | None, typer.Option(min=1, help="Default: the newest.")] = None,
    as_json: AsJSON = False,
) -> None:
    """Fetch an epoch, going on where the last try ended."""
    from tutela.distribution.paths import epoch as folder_of

    updater = _updater(location, state, root)
    status = updater.refresh(datetime.now(UTC))
    number = epoch or updater.latest_epoch()
    with progress("Fetching") as step:
        fetched = updater.fetch_folder(folder_of(number), out, progress=step)
    result = {
        "ok": True,
        "epoch": number,
        "folder": str(out),
        "files": list(fetched.files),
        "received": fetched.received,
        "resumed": fetched.resumed,
        **status.to_dict(),
    }
    emit(result, lambda: show(result), as_json=as_json)


@app.command("status")
def status_command(location: Location, *, state: State, root: Root = None, as_json: AsJSON = False) -> None:
    """Ask what is current, and say until when it is believed."""
    updater = _updater(location, state, root)
    status = updater.refresh(datetime.now(UTC))
    result = {"ok": True, **status.to_dict(), "files": list(updater.paths())}
    emit(result, lambda: show(result), as_json=as_json)


def _updater(location: str, state: Path, root: Path | None) -> Updater:
    from tutela.distribution import Updater

    return Updater(location, state, root=_read(root))


def _read(root: Path | None) -> bytes | None:
    from tutela.hashlist.trust import read_small

    return read_small(root) if root else None


def _signers_of(made: dict[str, bytes]) -> dict[str, Signer]:
    from tutela.distribution import signer

    return {name: signer(secret) for name, secret in made.items()}


def signers_in(keys: Path, names: Sequence[str]) -> list[Signer]:
    """Return the signers of roles: NAME.key, and NAME-1.key and so on where there are several."""
    from tutela.distribution import signer
    from tutela.sealed import keyfile

    passphrase = keyfile.passphrase_from_environment()
    files = []
    for name in names:
        several = sorted(file for file in keys.glob(f"{name}-*.key") if file.stem[len(name) + 1 :].isdigit())
        files += several or [keys / f"{name}.key"]
    return [signer(keyfile.load(file, passphrase)) for file in files]


def save(keys: Path, made: dict[str, bytes]) -> None:
    """Write key files into a folder, each only if it is not there."""
    from tutela.distribution.storage import storage_errors
    from tutela.sealed import keyfile

    passphrase = keyfile.passphrase_from_environment()
    with storage_errors():
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, secret in made.items():
        keyfile.save(keys / f"{name}.key", secret, passphrase)


def _write(path: Path, data: bytes) -> None:
    from tutela.distribution.storage import storage_errors, write

    with storage_errors():
        write(path, data)


def show(result: dict[str, Any]) -> None:
    """Print one line a value."""
    for name, value in result.items():
        if name == "ok" or value in ([], {}, None):
            continue
        if isinstance(value, dict):
            text = ", ".join(f"{key} {inner}" for key, inner in value.items())
        else:
            text = (
                "\n".join(f"{'':<16} {each}" for each in value).lstrip() if isinstance(value, list) else value
            )
        say(f"{name:<16} {text}")

"""`tutela user`: accounts of people and machines, made on the machine that holds the database."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import typer

from tutela.cli.output import emit, stderr, stdout
from tutela.errors import UsageError

app = typer.Typer(no_args_is_help=True)

CONSOLE = typer.Option("", envvar="TUTELA_ROLE", help="provider, hub, register, if the rest does not tell.")
DATABASE = typer.Option("", help="Database URL. [default: SQLite in the data folder]")
DATA = typer.Option(None, help="Folder of all state. [default: the platform's folder]")
STDIN = typer.Option(False, "--password-stdin", help="Read the password from the first line of stdin.")
AS_JSON = typer.Option(False, "--json", help="Print one JSON object.")


class UnclearConsole(UsageError):
    """Nothing tells which console is meant."""

    code = "console.unclear"


@app.command()
def add(
    name: str,
    role: list[str] = typer.Option(help="Such as reviewer, analyst, curator, administrator; repeatable."),
    console: str = CONSOLE,
    database: str = DATABASE,
    data: Path | None = DATA,
    password_stdin: bool = STDIN,
    as_json: bool = AS_JSON,
) -> None:
    """Make a person's account."""
    _start(console, database, data, roles=role)
    from tutela.console import accounts

    user = accounts.add_user(_operator(), name, role, _password(password_stdin))
    result = {"name": user.username, "roles": sorted(role)}
    emit(result, lambda: stdout.print(f"{name} may sign in as {', '.join(sorted(role))}."), as_json=as_json)


@app.command()
def password(
    name: str,
    console: str = CONSOLE,
    database: str = DATABASE,
    data: Path | None = DATA,
    password_stdin: bool = STDIN,
    as_json: bool = AS_JSON,
) -> None:
    """Give a person a new password; this also enables a disabled account."""
    _start(console, database, data)
    from tutela.console import accounts

    accounts.set_password(_operator(), name, _password(password_stdin))
    emit({"name": name}, lambda: stdout.print(f"{name} has a new password."), as_json=as_json)


@app.command()
def disable(
    name: str,
    is_machine: bool = typer.Option(False, "--machine", help="A machine account, not a person."),
    console: str = CONSOLE,
    database: str = DATABASE,
    data: Path | None = DATA,
    as_json: bool = AS_JSON,
) -> None:
    """Stop a person from signing in, or make a machine's token worthless."""
    _start(console, database, data)
    from tutela.console import accounts

    if is_machine:
        accounts.disable_machine(_operator(), name)
    else:
        accounts.disable_user(_operator(), name)
    emit({"name": name, "disabled": True}, lambda: stdout.print(f"{name} is disabled."), as_json=as_json)


@app.command()
def machine(
    name: str,
    permission: list[str] = typer.Option(help="intake.write, report.submit or statement.submit; repeatable."),
    console: str = CONSOLE,
    database: str = DATABASE,
    data: Path | None = DATA,
    as_json: bool = AS_JSON,
) -> None:
    """Make a machine account, or renew its token. The token is printed once and stored as a hash."""
    _start(console, database, data, machine_permissions=permission)
    from tutela.console import accounts

    account, token = accounts.issue_machine(_operator(), name, permission)

    def human() -> None:
        stderr.print(f"Token of {account.name}; it is shown only now:")
        sys.stdout.write(token + "\n")

    emit({"name": account.name, "permissions": account.permissions, "token": token}, human, as_json=as_json)


def _start(
    console: str,
    database: str,
    data: Path | None,
    *,
    roles: list[str] | None = None,
    machine_permissions: list[str] | None = None,
) -> None:
    from tutela.console import bootstrap

    chosen = console or _guess(data, roles or [], machine_permissions or [])
    bootstrap.configure(chosen, data=data, database=database)
    bootstrap.migrate()


def _guess(data: Path | None, roles: list[str], machine_permissions: list[str]) -> str:
    """Return the only console that has these roles or permissions, or that has a folder in `data`."""
    from tutela.console.environment import data_directory
    from tutela.console.permissions import MACHINE_PERMISSIONS
    from tutela.console.roles import ROLES

    fitting = [name for name, role in ROLES.items() if set(roles) <= set(role.groups)]
    wanted = {MACHINE_PERMISSIONS.get(each) for each in machine_permissions}
    fitting = [name for name in fitting if wanted <= {name}]
    folder = data or data_directory()
    present = [name for name in fitting if (folder / name).is_dir() or (folder / f"{name}.sqlite3").exists()]
    for candidates in (fitting, present):
        if len(candidates) == 1:
            return candidates[0]
    raise UnclearConsole(
        "It is not clear which console is meant.", hint="Add --console with provider, hub or register."
    )


def _operator() -> str:
    return f"operator/{getpass.getuser()}"


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(4096).rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))

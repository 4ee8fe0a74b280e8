"""`tutela`: the command line.

Groups are loaded on first use, so that `tutela --help` stays quick and a missing optional extra
only stops the command that needs it.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from tutela.errors import EnvironmentProblem, TutelaError

#: command or group -> (module that defines `app`, one line of help, in the order that `--help` shows)
COMMANDS: dict[str, tuple[str, str]] = {
    "fingerprint": ("tutela.cli.fingerprint", "Digests and perceptual hashes of pictures."),
    "list": ("tutela.cli.lists", "Make, import and export lists of fingerprints."),
    "epoch": ("tutela.cli.epoch", "Build, sign and check the epoch that devices load."),
    "audit": ("tutela.cli.audit", "Check an epoch: its table, lawful pictures, absent digests."),
    "distribution": ("tutela.cli.distribution", "Publish lists and epochs; fetch what is current, verified."),
    "guard": ("tutela.cli.guard", "What this device sent, under which epoch, and why."),
    "serve": ("tutela.cli.serve", "Run a provider's, a centre's or a register's server."),
    "user": ("tutela.cli.user", "Console users and machine accounts."),
    "provider": ("tutela.cli.provider", "Set up a provider; withdraw a list entry."),
    "hub": ("tutela.cli.hub", "Set up a national centre; audit its chain."),
    "register": ("tutela.cli.register", "Set up a list register; sign for it, export what it publishes."),
    "log": ("tutela.cli.log", "A transparency log: append, prove, verify, serve."),
    "witness": ("tutela.cli.witness", "Cosign logs that only ever grow."),
    "release": ("tutela.cli.release", "Make, sign and check releases of Tutela itself."),
    "bench": ("tutela.cli.bench", "Measure, and compare with peers in the same run."),
    "demo": ("tutela.cli.demo", "The whole house on this machine, with real servers."),
}


class LazyGroup(TyperGroup):
    """A click group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the command names in reading order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the command, or a stand-in with its help while only help is asked for."""
        if cmd_name not in COMMANDS:
            return None
        module, help_line = COMMANDS[cmd_name]
        if ctx.resilient_parsing or _only_help():
            return TyperCommand(cmd_name, help=help_line)
        try:
            app = importlib.import_module(module).app
        except ModuleNotFoundError as error:
            if error.name and error.name.startswith("tutela"):
                raise
            raise EnvironmentProblem(
                f"`tutela {cmd_name}` needs the package {error.name}, which is not installed.",
                hint="Run `make setup`, or install the extra that pyproject.toml names for this role.",
            ) from error
        return typer.main.get_command(app)


def _only_help() -> bool:
    return len(sys.argv) < 2 or sys.argv[1] in {"--help", "-h"}


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def main(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Child safety inside end-to-end encryption."""
    if version:
        from tutela import __version__

        typer.echo(__version__)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run() -> None:
    """Entry point: every deliberate error becomes a sentence, a hint and an exit code."""
    try:
        app()
    except TutelaError as error:
        report(error)
        sys.exit(error.exit_code)


def report(error: TutelaError) -> None:
    """Print an error for the reader who is there: one JSON object with `--json`, else on stderr."""
    if "--json" in sys.argv:
        import json

        sys.stdout.write(json.dumps({"ok": False, "error": error.diagnostics()}) + "\n")
        return
    sys.stderr.write(f"tutela: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"  {error.hint}\n")


if __name__ == "__main__":
    run()

"""`tutela serve ROLE`: a provider's, a centre's or a register's server on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tutela.cli.output import emit, stdout

if TYPE_CHECKING:
    from tutela.console.serving import Ready

app = typer.Typer()


@app.command()
def serve(
    role: str = typer.Argument(help="provider, hub or register."),
    port: int = typer.Option(-1, help="Port; 0 takes any free one. [default: 8710, 8720, 8730 by role]"),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; beyond loopback put TLS in front."),
    database: str = typer.Option("", help="Database URL. [default: SQLite in the data folder]"),
    data: Path | None = typer.Option(None, help="Folder of all state. [default: the platform's folder]"),
    threads: int = typer.Option(8, min=1, max=256, help="Requests answered at the same time."),
    as_json: bool = typer.Option(False, "--json", help="When ready, print one JSON object."),
) -> None:
    """Bring the database up to date, then serve until SIGTERM or Ctrl-C."""
    from tutela.console import bootstrap, processes, serving
    from tutela.console.roles import role_named

    if processes.PARENT in os.environ:  # whoever started us for a while wants no server left behind
        processes.die_with_parent()
    reserved = serving.ReservedPort(host, role_named(role).port if port < 0 else port)
    bootstrap.configure(role, data=data, database=database, port=reserved.port)
    bootstrap.migrate()

    def ready(state: Ready) -> None:
        result = {"role": state.role, "url": state.url, "pid": state.pid}
        emit(result, lambda: stdout.print(f"{state.role} is ready at {state.url}"), as_json=as_json)

    serving.serve(role, host, reserved, threads, ready)

"""`tutela demo`: the whole house on this machine, with real servers."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from tutela.cli.output import emit, stderr, stdout

if TYPE_CHECKING:
    from tutela.demo.story import House

app = typer.Typer()


@app.command()
def demo(
    photos: Path | None = typer.Option(None, help="Folder of your own photographs. [default: of packages]"),
    data: Path | None = typer.Option(
        None, help="Folder of cache and state. [default: the platform's folder]"
    ),
    entries: int = typer.Option(10_000, min=1_000, help="Entries of the list."),
    auto: bool = typer.Option(False, "--auto", help="Take the reviewers' decisions, count, and stop."),
    fresh: bool = typer.Option(False, "--fresh", help="Build the list and its table again."),
    plant: str = typer.Option("", hidden=True, help="Plant a fault, to see that the count shows it."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object and stop."),
) -> None:
    """Start homeserver, provider and centre; let people talk; show who saw what; stay up until Ctrl-C."""
    import platformdirs

    from tutela.demo.story import Options, house

    folder = data or platformdirs.user_data_path("tutela") / "demo"
    options = Options(folder.absolute(), photos, entries, auto or as_json, fresh, plant)
    for each in (signal.SIGINT, signal.SIGTERM):  # whoever starts us in the background had SIGINT ignored
        signal.signal(each, signal.default_int_handler)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), console=stderr, transient=True
    ) as bar:
        task = bar.add_task("Building the table", visible=False, total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=done < total)

        with house(options, lambda line: bar.console.print(f"- {line}"), progress) as built:
            bar.stop()
            emit(_object(built.result), lambda: _show(built), as_json=as_json)
            if not options.auto:
                _stay(built)
            if not built.result["ok"]:
                raise typer.Exit(1)


def _object(result: dict[str, Any]) -> dict[str, Any]:
    order = ("ok", "seconds", "homeserver_plaintext_hits", "control_hits", "accounts", "reports")
    return {**{name: result[name] for name in order}, **result}


def _show(built: House) -> None:
    from tutela.demo.cast import CAST

    result = built.result
    table = Table(title="Who saw what, counted in the stores and on the network", title_justify="left")
    for column, side in (("account", "left"), ("what it does", "left"), ("files sent", "right")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for column in ("agree with the list", "opened", "shown to reviewers"):
        table.add_column(column, justify="right")
    for player in CAST:
        row = result["accounts"][player.name]
        numbers = (row["sent"], row["matched"], row["opened"], row["revealed"])
        table.add_row(player.name, player.part, *map(str, numbers))
    stdout.print(table)
    stdout.print(
        f"Threshold: {built.props.manifest.threshold} distinct entries of a list of"
        f" {built.props.manifest.counts.entries}; {built.props.source}."
    )
    stdout.print(f"Plaintexts at the homeserver and on its network: {result['homeserver_plaintext_hits']}")
    stdout.print(f"Plaintexts in the provider's database: {result['provider_plaintext_hits']}")
    stdout.print(f"Control text found (sent in the clear on purpose): {result['control_hits']} of 2 places")
    for report in result["reports"]:
        stdout.print(f"Report {report['id']}: routed to {report['agency']}, {report['state']}")
    _show_trust(result["trust"])
    for complaint in result["complaints"]:
        stdout.print(f"[bold red]Does not hold:[/] {complaint}")
    stdout.print("Everything holds." if result["ok"] else "[bold red]Something does not hold.[/]")
    stdout.print(f"{result['seconds']} seconds.")


def _show_trust(trust: dict[str, Any]) -> None:
    organisations, alone, witnesses = trust["organisations"], trust["alone"], trust["witnesses"]
    places = {one["jurisdiction"] for one in organisations.values()}
    stdout.print(
        f"\nAct two: list 2, endorsed by {', '.join(trust['endorsers'])}. {trust['endorsers_needed']}"
        f" of {len(organisations)} organisations in {len(places)} jurisdictions are needed;"
        " allied ones count once."
    )
    told = ", ".join(f"{name} ({how})" for name, how in witnesses.items())
    stdout.print(
        f"Witnesses of its log: {told}. {trust['witnesses_needed']} of {len(witnesses)} have to vouch for it:"
        " one may lie or be down, but not one each at the same time."
    )
    table = Table(title="Who tried what, and what every device said", title_justify="left", show_lines=True)
    for column, widest in (("who tried what", 30), ("used by", 7), ("what every device said", None)):
        table.add_column(column, max_width=widest, overflow="fold")
    for who, rows in (("the builder", trust["updates"]), (alone, trust["attempts"])):
        for row in rows:
            used = f"{len(row['accepted'])} of {trust['devices']}"
            table.add_row(f"{who} {row['what']}", used, "\n".join(map(_answer, row["said"])))
    stdout.print(table)
    register = trust["register"][0]
    stdout.print(f"The register, of what {alone} submitted: {register['code']}: {register['message']}")
    stdout.print(
        f"Sets under a table of {alone}'s own that reached the provider:"
        f" {trust['sets_under_an_attempts_table']} (under the table of act one: {trust['sets_before']})"
    )


def _answer(said: dict[str, Any]) -> str:
    """Return the code and the first sentence of what devices said."""
    return f"{said['code']}: {said['sentence'].partition('. ')[0].rstrip('.')}."


def _stay(built: House) -> None:
    """Print where to go, and wait."""
    stdout.print("\nThe house stays up. Sign in, in two browsers or private windows:")
    table = Table()
    for column in ("console", "name", "role", "password"):
        table.add_column(column)
    urls = {"provider": built.provider.url, "hub": built.hub.url}
    for console, name, role, password in built.logins:
        table.add_row(urls[console], name, role, password)
    stdout.print(table)
    stdout.print("Two reviewers agree at the provider; then the report stands at the centre. Ctrl-C ends it.")
    sys.stdout.flush()
    try:
        while True:  # a signal just before pause() would be waited for without end
            time.sleep(1)
    except KeyboardInterrupt:
        stderr.print("Stopping the servers")

"""`tutela guard`: what this device sent, under which epoch, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

app = typer.Typer(no_args_is_help=True, help="What this device sent, under which epoch, and why.")


@app.callback()
def main() -> None:
    """Look into the guard of a messenger on this device. Nothing here needs its keys, or changes anything."""


@app.command()
def status(
    state: Path | None = typer.Option(
        None,
        "--state",
        envvar="TUTELA_GUARD",
        help="The app's guard folder (default: the platform's data folder).",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Show mode, epoch, signers, what left the device, what waits, and where help is."""
    from datetime import UTC, datetime

    from tutela.cli.output import emit
    from tutela.guard.status import describe
    from tutela.guard.store import Store

    store = Store.open(state or _default(), create=False)
    try:
        found = describe(store, datetime.now(UTC))
    finally:
        store.close()
    emit({"ok": True, **found}, lambda: _print(found), as_json=as_json)


@app.command()
def held(
    out: Path = typer.Option(..., "--out", help="File to write; `tutela audit held` checks it."),
    state: Path | None = typer.Option(
        None,
        "--state",
        envvar="TUTELA_GUARD",
        help="The app's guard folder (default: the platform's data folder).",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Write the papers of every list that this device used, also of dropped ones; they name nobody."""
    from tutela.cli.output import emit, stdout
    from tutela.guard import memory
    from tutela.guard.store import Store
    from tutela.hashlist.epoch.building import write_public

    store = Store.open(state or _default(), create=False)
    try:
        found = memory.held(store)
    finally:
        store.close()
    write_public(out, found.to_bytes())
    result = {"ok": True, "file": str(out), "epochs": len(found.epochs), "evidence": len(found.evidence)}
    said = f"{out}: {len(found.epochs)} lists that this device used"
    emit(result, lambda: stdout.print(said, markup=False), as_json=as_json)


def _default() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("tutela")) / "guard"


def _print(found: dict[str, Any]) -> None:
    from tutela.cli.output import stdout

    for line in _lines(found):
        stdout.print(line, markup=False)


def _lines(found: dict[str, Any]) -> list[str]:
    mode, sent, held = found["mode"], found["sent"], found["held"]
    states = ", ".join(f"{count} {name}" for name, count in sent["by_state"].items() if count)
    lines = [
        f"Device   {found['device']} of {found['account']}",
        f"Mode     {mode['name']}: {mode['sentence']}",
        f"Epoch    {_epoch(found['epoch'])}",
        f"Sent     {sent['count']} sealed sets, {sent['bytes']} bytes" + (f" ({states})" if states else ""),
    ]
    for check in found["checks"]:
        ended = "" if check["holds"] else "NO LONGER: "
        until = f" (until {check['until']})" if check["until"] else ""
        lines.append(f"Check    {check['name']}: {ended}{check['sentence']}{until}")
    lines += [f"Laws     {conflict['sentence']}" for conflict in found["conflicts"]]
    if found["refused_epoch"]:
        lines.append(f"Refused  the last list offered: {found['refused_epoch']['message']}")
    if held["count"]:
        lines.append(f"Waiting  {held['count']} files, sealed, since {held['since']}")
    if found["uploads"] and found["uploads"]["reason"]:
        lines.append(f"Uploads  {found['uploads']['reason']['title']}. {found['uploads']['reason']['text']}")
    for line in found["help"]:
        example = "EXAMPLE, " if line["example"] else ""
        lines.append(f"Help     {line['service']}: {line['contact']} ({example}{line['hours']})")
    return lines


def _epoch(epoch: dict[str, Any] | None) -> str:
    if epoch is None:
        return "none was accepted"
    valid = "" if epoch["valid_now"] else " (NOT VALID NOW)"
    inputs = epoch.get("threshold_inputs")  # not in the state of an earlier version
    false = f" (by chance in at most {inputs['target']} of devices)" if inputs else ""
    return (
        f"{epoch['number']}, {epoch['category']}, {epoch['tokens']} tokens, {epoch['table_bytes']} bytes, "
        f"{epoch['valid_from'][:10]} to {epoch['valid_until'][:10]}{valid}, opens at {epoch['threshold']} "
        f"distinct matches{false}, signed by {', '.join(epoch['signers'])}"
    )

"""`tutela bench`: every performance claim, measured on this machine beside its peer."""

from __future__ import annotations

from pathlib import Path

import typer

from tutela.cli.output import emit

app = typer.Typer(no_args_is_help=True, help="Measure, and compare with peers in the same run.")

PHOTOS = typer.Option(None, "--photos", help="Folder of photographs; default: those of installed packages.")
AS_JSON = typer.Option(False, "--json", help="Print one JSON object.")


@app.command("fingerprint")
def fingerprint(photos: Path | None = PHOTOS, as_json: bool = AS_JSON) -> None:
    """Speed and fidelity of fingerprints, beside threatexchange's hasher."""
    import tutela.bench.fingerprint as bench

    result = bench.run(photos)
    emit(result, lambda: bench.show(result), as_json=as_json)


@app.command("vouchers")
def vouchers(photos: Path | None = PHOTOS, as_json: bool = AS_JSON) -> None:
    """Recall, cost and size of private matching on real photographs."""
    import tutela.bench.vouchers as bench

    result = bench.run(photos)
    emit(result, lambda: bench.show(result), as_json=as_json)


@app.command("audit")
def audit(
    entries: int = typer.Option(25_000, "--entries", min=10, help="Entries of the invented list."),
    as_json: bool = AS_JSON,
) -> None:
    """Proving and verifying a table, lawful pictures and log entries; one core."""
    import tutela.bench.audit as bench

    result = bench.run(entries)
    emit(result, lambda: bench.show(result), as_json=as_json)
